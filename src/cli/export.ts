import { type Command, Option } from 'commander';
import { toXml } from 'xast-util-to-xml';
import { apiCaller } from '#cli/api-caller.ts';
import { checkedUse, choice } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { reportOf } from '#cli/export-subject.ts';
import { addKmsOptions } from '#cli/kms-options.ts';
import { openKmsSession, remoteToken } from '#cli/kms-session.ts';
import { configOf, quietly } from '#cli/settings-options.ts';
import { UsageError } from '#cli/usage-error.ts';
import { canonicalName, formatName, parseName } from '#dns/name.ts';
import {
  composeRegistrarExport,
  digestChoices,
  eppCommands,
  eppForms,
  type RegistrarExport,
  type RegistrarExportOptions,
  registrarFormats,
} from '#dnssec/operations/compose-registrar-export.ts';

interface ExportOptions extends RegistrarExportOptions {
  readonly service?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly dnssecAlgorithm?: string;
}

const examples = `
ZONE-OR-KEY is a zone when it has a dot, such as example.com or com., and else the identity or slug of a KMS key. A zone
is one that the service holds, at --service or in the data folder, or one that "zoneseal sign" made keys for; of those,
as of a KMS key, all versions are shown, the newest first.

Examples:
  zoneseal export example.com --format ds
  zoneseal export example.com --format text --service http://127.0.0.1:8080
  zoneseal export example.com --format epp --epp-form key
  zoneseal export kms-0123 --zone example.com --format dnskey`;

/** Add `export`: what a registrar or parent needs of a zone or of a key. */
export function addExport(program: Command, context: CliContext): void {
  const command = program
    .command('export')
    .description('print what the registrar needs of a zone or of a KMS key: DS, DNSKEY or CDS, text, JSON, or EPP')
    .argument('<ZONE-OR-KEY>', 'a zone that the service holds or that was signed here, or a KMS key')
    .addOption(choice('format <FORMAT>', 'cds prints CDS and CDNSKEY', registrarFormats, 'ds'))
    .option('--key <KEY>', 'of a zone, only the key of this key tag, identity or IDENTITY@VERSION')
    .addOption(choice('epp-form <FORM>', 'for epp: DS records, or the keys themselves', eppForms, 'ds'))
    .addOption(
      choice('epp-command <COMMAND>', 'for epp: what is to be changed, or all for a new domain', eppCommands, 'update'),
    )
    .addOption(choice('digest <DIGEST>', 'for epp: digest types of the DS records', digestChoices, 'sha256'))
    .addOption(new Option('--max-sig-life <SECONDS>', 'for epp: maxSigLife').argParser(readSeconds))
    .option('--service <URL>', 'running service that holds the zone; it is shown $ZONESEAL_TOKEN')
    .option('--zone <NAME>', 'zone of the key, unless the key was made for one')
    .addOption(choice('dnssec-algorithm <NUMBER>', 'for RSA keys: 8 is RSASHA256, 10 is RSASHA512', ['8', '10']))
    .addHelpText('after', examples);
  addKmsOptions(command);
  command.action(async (subject: string, options: ExportOptions) => {
    const config = configOf(command, quietly(context.environment));
    const zone = checkedUse(() => zoneName(subject.includes('.') ? subject : options.zone));
    if (options.service !== undefined) {
      if (!subject.includes('.')) throw new UsageError('--service exports zones: name one, such as example.com');
      const { organisation } = config;
      const token = await remoteToken(config, options.service);
      const caller = apiCaller({ baseUrl: options.service.replace(/\/+$/, ''), token, organisation });
      context.stdout.write(await fromService(caller, zone ?? subject, options));
      return;
    }
    await using session = await openKmsSession(config, options.region);
    const { dnssecAlgorithm } = options;
    const algorithm = dnssecAlgorithm === undefined ? undefined : Number(dnssecAlgorithm);
    const report = await reportOf({ name: subject, zone, algorithm }, session, config);
    context.stdout.write(print(composeRegistrarExport(report, options)));
  });
}

function readSeconds(text: string): number {
  const seconds = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Infinity;
  if (seconds > 2_147_483_647)
    throw new UsageError(`--max-sig-life is ${JSON.stringify(text)}: it must be a number of seconds`);
  return seconds;
}

function zoneName(text: string | undefined): string | undefined {
  return text === undefined ? undefined : formatName(canonicalName(parseName(text)));
}

async function fromService(
  caller: ReturnType<typeof apiCaller>,
  zone: string,
  { format = 'ds', key, eppForm, eppCommand, digest, maxSigLife }: ExportOptions,
): Promise<string> {
  const forEpp = format === 'epp' ? { eppForm, eppCommand, digest, maxSigLife } : {};
  const given = Object.entries({ format, key, ...forEpp }).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
  const name = encodeURIComponent(zone.replace(/\.$/, ''));
  const text = await caller.call('GET', `/v1/dns/zones/${name}/dnssec/registrar?${query.toString()}`);
  return format === 'json' ? `${JSON.stringify(JSON.parse(text), undefined, 2)}\n` : text;
}

function print(exported: RegistrarExport): string {
  if (exported.kind === 'json') return `${JSON.stringify(exported.items, undefined, 2)}\n`;
  return exported.kind === 'text' ? exported.text : toXml(exported.document);
}
