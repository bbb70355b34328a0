import type { Command } from 'commander';
import { databasePlace } from '#app/embedded-kms.ts';
import type { CliContext } from '#cli/context.ts';
import { openProgress } from '#cli/progress.ts';
import { addSettings, configOf, quietly } from '#cli/settings-options.ts';
import { UsageError } from '#cli/usage-error.ts';
import { backUpFolder } from '#kms/maintenance.ts';
import { makeDirectory } from '#lib/make-directory.ts';

const help = `
The service may run meanwhile. The copy is a data folder without its root key, which has to be kept elsewhere: whoever has
both has the keys. To restore, start the service on a copy of the folder, with the root key put beside it or named.
Data in PostgreSQL are backed up with pg_dump of the schemas kms and kms_audit.

Example:
  zoneseal backup /backup/2026-11-24 --data /var/lib/zoneseal
  ZONESEAL_ROOT_KEY_FILE=/safe/root.key zoneseal root-key check --data /backup/2026-11-24`;

/** Add `backup`: a copy of keys and audit log. */
export function addBackup(program: Command, context: CliContext): void {
  const command = program
    .command('backup')
    .description('copy the keys and the audit log, without the root key')
    .argument('<FOLDER>', 'where to put the copy; made when it is not there')
    .addHelpText('after', help);
  addSettings(command, ['dataDirectory']);
  command.action(async (folder: string) => {
    const config = configOf(command, quietly(context.environment));
    if (databasePlace(config).kind !== 'folder') throw new UsageError('the data are in PostgreSQL: use pg_dump');
    makeDirectory(folder, 0o700);
    using progress = await openProgress(context);
    const files = await backUpFolder(config.dataDirectory, folder, (share) =>
      progress.show('copying', '%', Math.round(share * 100), 100),
    );
    context.stdout.write(files.map((file) => `${file}\n`).join(''));
  });
}
