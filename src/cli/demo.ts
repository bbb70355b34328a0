import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Config } from '#app/config.ts';
import { createLogger } from '#app/logger.ts';
import { type Service, startService } from '#app/server.ts';
import { apiCaller } from '#cli/api-caller.ts';
import type { CliContext } from '#cli/context.ts';
import { type DemoResult, type DemoStep, runDemoSteps } from '#cli/demo-steps.ts';
import { addSettings, configOf } from '#cli/settings-options.ts';
import { endWithin, listenForStop } from '#cli/stop.ts';
import { UsageError } from '#cli/usage-error.ts';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';

const exampleZone = fileURLToPath(new URL('../../fixtures/zones/example.zone', import.meta.url));
const zone = 'zoneseal.example.';

const examples = `
Examples:
  zoneseal demo            do it all and stay up, to be looked at
  zoneseal demo --once     do it all and end

Without --data it works in a temporary folder that is gone afterwards; without --port it takes 8080 or, if that is
taken, any free port.`;

/** Add `demo`: the whole way from a new key to a rotated one, on a zone that ships with the package. */
export function addDemo(program: Command, context: CliContext): void {
  const command = program
    .command('demo')
    .description('create a key, sign an example zone, rotate the key, sign again, and show it all')
    .option('--once', 'end when it is done')
    .addHelpText('after', examples);
  addSettings(command, ['host', 'port', 'dataDirectory', 'logLevel']);
  command.action(async (options: { readonly once?: boolean }) => {
    using folder = temporaryFolder();
    const { ZONESEAL_DATA: data = folder.path, ZONESEAL_LOG_LEVEL: level = 'warn' } = context.environment;
    const config = configOf(command, { ...context.environment, ZONESEAL_DATA: data, ZONESEAL_LOG_LEVEL: level });
    if (config.kmsUrl !== undefined) throw new UsageError('the demo uses a KMS of its own: unset ZONESEAL_KMS_URL');
    using stop = listenForStop();
    const isPortChosen = command.getOptionValue('port') !== undefined || 'ZONESEAL_PORT' in context.environment;
    const service = await startSomewhere(config, isPortChosen);
    try {
      context.stdout.write(
        `listening ${service.baseUrl}\nOne process: KMS and DNSSEC service; data in ${config.dataDirectory}\n\n`,
      );
      const result = await runSteps(service, config, context);
      context.stdout.write(registrarPart(result));
      if (options.once === true) return;
      context.stdout.write(furtherPart(service, config, result));
      await stop.asked;
    } finally {
      await endWithin(
        9000,
        () => service.close(),
        () => undefined,
      );
    }
  });
}

async function startSomewhere(config: Config, isPortChosen: boolean): Promise<Service> {
  const options = { clock: systemClock, logger: createLogger(config.logLevel) };
  try {
    return await startService(config, options);
  } catch (error) {
    const isTaken = error instanceof ServiceError && error.code === 'address-in-use';
    if (isPortChosen || !isTaken) throw error;
    return startService({ ...config, port: 0 }, options);
  }
}

function runSteps(service: Service, config: Config, { stdout }: CliContext): Promise<DemoResult> {
  const { baseUrl, kms } = service;
  if (kms === undefined) throw new Error('the demo started without a KMS');
  const api = apiCaller({ baseUrl, token: kms.adminToken.token, organisation: config.organisation });
  const input = { region: config.regions[0] ?? '', zone, zoneText: readFileSync(exampleZone, 'latin1') };
  let number = 0;
  const show = ({ title, milliseconds, result }: DemoStep) => {
    number += 1;
    stdout.write(`${number}. ${title.padEnd(36)} ${milliseconds.toFixed(0).padStart(5)} ms   ${result}\n`);
  };
  return runDemoSteps(api, input, show);
}

function registrarPart({ keys }: DemoResult): string {
  const parts = keys.map(({ version, keyTag, ds, dnskey }) =>
    [`Version ${version}, key tag ${keyTag}`, ...ds.map((line) => `  ${line}`), `  ${dnskey}`].join('\n'),
  );
  return `\nFor the registrar: DS, or DNSKEY where it asks for that\n${parts.join('\n')}\n`;
}

function furtherPart({ baseUrl, kms }: Service, { organisation, regions }: Config, { keyId }: DemoResult): string {
  const file = kms?.adminToken.file;
  const token = file === undefined ? '$ZONESEAL_ADMIN_TOKEN' : `$(cat ${file})`;
  return `
Still up, until Ctrl-C:
  ${baseUrl}/docs          the API, to be browsed and tried
  ${baseUrl}/openapi.json  the same for programs

  curl -H "Authorization: Bearer ${token}" -H "X-Organisation-Identity: ${organisation}" \\
    ${baseUrl}/v1/kms/${regions[0]}/keys/${keyId}
`;
}

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'zoneseal-demo-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
