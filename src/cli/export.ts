import type { Command } from 'commander';
import { checkedUse, choice } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { addKmsOptions, type KmsSession, openKmsSession } from '#cli/kms-session.ts';
import { configOf, quietly } from '#cli/settings-options.ts';
import { UsageError } from '#cli/usage-error.ts';
import { canonicalName, formatName, parseName } from '#dns/name.ts';
import { describeKeys, type KeyRecords } from '#dnssec/operations/describe-keys.ts';
import type { KeyChoice } from '#dnssec/operations/zone-keys.ts';
import type { ListedKey } from '#dnssec/ports.ts';
import { ServiceError } from '#lib/errors.ts';

interface ExportOptions {
  readonly region?: string;
  readonly format: 'ds' | 'dnskey' | 'cds' | 'json';
  readonly zone?: string;
  readonly dnssecAlgorithm?: string;
}

const examples = `
ZONE-OR-KEY is a zone when it has a dot, such as example.com or com., and else the identity or slug of a KMS key. The
keys of a zone are those that "zoneseal sign" made for it. All versions are shown, the newest first.

Examples:
  zoneseal export example.com --format ds
  zoneseal export kms-0123 --zone example.com --format dnskey`;

/** Add `export`: what a registrar or parent needs of a key. */
export function addExport(program: Command, context: CliContext): void {
  const command = program
    .command('export')
    .description('print the DS, DNSKEY or CDS records of a zone or of a KMS key')
    .argument('<ZONE-OR-KEY>', 'a zone that was signed here, or a KMS key')
    .addOption(choice('format <FORMAT>', 'cds prints CDS and CDNSKEY', ['ds', 'dnskey', 'cds', 'json'], 'ds'))
    .option('--zone <NAME>', 'zone of the key, unless the key was made for one')
    .addOption(choice('dnssec-algorithm <NUMBER>', 'for RSA keys: 8 is RSASHA256, 10 is RSASHA512', ['8', '10']))
    .addHelpText('after', examples);
  addKmsOptions(command);
  command.action(async (subject: string, options: ExportOptions) => {
    const config = configOf(command, quietly(context.environment));
    const zone = checkedUse(() => zoneName(subject.includes('.') ? subject : options.zone));
    await using session = await openKmsSession(config, options.region);
    const records = await recordsOf(subject, zone, options, session);
    context.stdout.write(print(records, options.format));
  });
}

function zoneName(text: string | undefined): string | undefined {
  return text === undefined ? undefined : formatName(canonicalName(parseName(text)));
}

async function recordsOf(
  subject: string,
  zone: string | undefined,
  { dnssecAlgorithm }: ExportOptions,
  { dnssec, caller, region }: KmsSession,
): Promise<KeyRecords[]> {
  const isZone = subject.includes('.');
  const listed = await dnssec.kms.keyListerFor(caller, region).listKeys(isZone ? { [zoneLabel]: zone ?? '' } : {});
  const keys = isZone ? listed : listed.filter(({ keyId, slug }) => keyId === subject || slug === subject);
  if (keys.length === 0) {
    throw new ServiceError(
      'not-found',
      isZone ? `the KMS has no key that was made for ${zone}` : `the KMS has no key ${subject}`,
    );
  }
  const records: KeyRecords[] = [];
  for (const key of keys) {
    const owner = zone ?? key.labels[zoneLabel];
    if (owner === undefined) throw new UsageError(`key ${subject} was made for no zone: name one with --zone`);
    const chosen = {
      keyId: key.keyId,
      role: roleOf(key),
      ...(dnssecAlgorithm !== undefined && { algorithm: Number(dnssecAlgorithm) }),
    };
    const described = await describeKeys(owner, [chosen], dnssec.kms.signerFor(caller, region));
    records.push(...described.keys);
  }
  return records;
}

const zoneLabel = 'zoneseal/zone';

function roleOf({ labels }: ListedKey): KeyChoice['role'] {
  const role = labels['zoneseal/role'];
  return role === 'ksk' || role === 'zsk' ? role : 'csk';
}

function print(records: readonly KeyRecords[], format: ExportOptions['format']): string {
  if (format === 'json') return `${JSON.stringify(records, undefined, 2)}\n`;
  const lines = records.flatMap(({ ds, dnskey, cds, cdnskey }) => {
    if (format === 'ds') return ds;
    return format === 'dnskey' ? [dnskey] : [...cds, ...cdnskey];
  });
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
