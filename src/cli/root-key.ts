import type { Command } from 'commander';
import { openDataDirectory } from '#app/data-directory.ts';
import { databasePlace } from '#app/embedded-kms.ts';
import type { CliContext } from '#cli/context.ts';
import { addSettings, configOf, quietly } from '#cli/settings-options.ts';
import { UsageError } from '#cli/usage-error.ts';
import { checkRootKey, type RootKeyRotation, rotateRootKey, rotateRootKeyFile } from '#kms/maintenance.ts';

const newKey = 'ZONESEAL_NEW_ROOT_KEY';
const newPassphrase = 'ZONESEAL_NEW_ROOT_KEY_PASSPHRASE';

const rotateHelp = `
Stop the service first. A root key file gives its place to a new one, and is kept beside it: backups that were made before
need it. To change to a root key that is no file, or to another file, name the new one with --to-file, or in ${newKey}
(32 octets in base64 or hexadecimal) or ${newPassphrase}.

Example:
  zoneseal root-key rotate --data /var/lib/zoneseal`;

/** Add `root-key check` and `root-key rotate`. */
export function addRootKey(program: Command, context: CliContext): void {
  const group = program.command('root-key').description('check or rotate the key at the top of the KMS');

  const check = group.command('check').description('check that the root key opens what is stored');
  addSettings(check, ['dataDirectory', 'rootKeyFile']);
  check.action(async () => {
    const config = configOf(check, quietly(context.environment));
    const { rootKeyId, openedKeks } = await checkRootKey(databasePlace(config), config.rootKey);
    context.stdout.write(`root key ${rootKeyId} opens all ${openedKeks} key-encryption keys\n`);
  });

  const rotate = group
    .command('rotate')
    .description('wrap what is stored under a new root key; neither keys nor data change')
    .option('--to-file <FILE>', 'file of the new root key; made when it is not there')
    .addHelpText('after', rotateHelp);
  addSettings(rotate, ['dataDirectory', 'rootKeyFile']);
  rotate.action(async ({ toFile }: { readonly toFile?: string }) => {
    const { [newKey]: key, [newPassphrase]: passphrase, ...environment } = context.environment;
    const config = configOf(rotate, quietly(environment));
    const place = databasePlace(config);
    const lock = openDataDirectory(config.dataDirectory);
    try {
      const named = [toFile, key, passphrase].filter((one) => one !== undefined);
      if (named.length > 1) throw new UsageError('name one new root key: --to-file or one of the variables');
      let done: RootKeyRotation;
      if (toFile !== undefined) done = await rotateRootKey(place, config.rootKey, { kind: 'file', path: toFile });
      else if (key !== undefined)
        done = await rotateRootKey(place, config.rootKey, { kind: 'environment', variable: newKey });
      else if (passphrase !== undefined)
        done = await rotateRootKey(place, config.rootKey, { kind: 'passphrase', variable: newPassphrase });
      else if (config.rootKey.kind === 'file') done = await rotateRootKeyFile(place, config.rootKey.path);
      else
        throw new UsageError(`the root key is no file: name the new one with --to-file, ${newKey} or ${newPassphrase}`);
      context.stdout.write(`root key ${done.newId} is in place of ${done.oldId}\n`);
      if (done.oldFile !== undefined) context.stdout.write(`keep ${done.oldFile} for backups made before\n`);
    } finally {
      lock.release();
    }
  });
}
