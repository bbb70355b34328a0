import type { Command } from 'commander';
import { startService } from '#app/server.ts';
import { createLogger } from '#app/logger.ts';
import { assertRoleFits } from '#app/roles.ts';
import { type SettingName, settings } from '#app/settings.ts';
import type { CliContext } from '#cli/context.ts';
import { addSettings, configOf } from '#cli/settings-options.ts';
import { endWithin, listenForStop } from '#cli/stop.ts';
import { systemClock } from '#lib/clock.ts';

export const serviceSettings: readonly SettingName[] = [
  'role',
  'host',
  'port',
  'dataDirectory',
  'rootKeyFile',
  'organisation',
  'regions',
  'kmsUrl',
  'concurrency',
  'queueRate',
  'logLevel',
];

/** Milliseconds within which SIGTERM ends the service. */
const timeToEnd = 9000;

const examples = `
Examples:
  zoneseal serve
  zoneseal serve --port 0 --data /var/lib/zoneseal
  ZONESEAL_ADMIN_TOKEN=… zoneseal serve --host 0.0.0.0
  zoneseal serve --role worker --kms http://kms:8080      (docker-compose.yml has all parts)

The first line on stdout that starts with "listening " has the base URL; the log goes to stderr.
Secrets have no flags: see ZONESEAL_ADMIN_TOKEN, ZONESEAL_ROOT_KEY_PASSPHRASE, DATABASE_URL, REDIS_URL in the README.
ZONESEAL_ADMIN_TOKEN_FILE and its like name a file that has the secret.`;

/** Add `serve`: the KMS and the DNSSEC service, until a signal ends them. */
export function addServe(program: Command, context: CliContext): void {
  const command = program
    .command('serve')
    .description('run the KMS and the DNSSEC service')
    .addHelpText('after', examples);
  addSettings(command, serviceSettings);
  command.action(async () => {
    const config = configOf(command, { [settings.resolvers.variable]: 'system', ...context.environment });
    const logger = createLogger(config.logLevel);
    using stop = listenForStop();
    assertRoleFits(config);
    const service = await startService(config, { clock: systemClock, logger });
    context.stdout.write(`listening ${service.baseUrl}\n`);
    const tokenFile = service.kms?.adminToken.file;
    if (tokenFile !== undefined) context.stdout.write(`admin token in ${tokenFile}\n`);
    context.stdout.write(`API documentation at ${service.baseUrl}/docs\n`);
    logger.info({ because: await stop.asked }, 'ending');
    await endWithin(
      timeToEnd,
      () => service.close(),
      () => logger.error('requests under way did not end in time'),
    );
    logger.info('ended');
  });
}
