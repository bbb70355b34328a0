import type { Command } from 'commander';
import { checkedUse } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { formatTable, printable } from '#cli/list-output.ts';
import { readInput } from '#cli/octets.ts';
import { serviceCommand } from '#cli/service-command.ts';
import { UsageError } from '#cli/usage-error.ts';
import { canonicalName, parseName } from '#dns/name.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { parseZoneText } from '#dns/zone-file/read.ts';
import type { ForeignKeysResponse } from '#dnssec/api-signing.ts';

/** Add `foreign-keys`: keys of another signer of a zone, with which it moves in or out. */
export function addForeignKeys(program: Command, context: CliContext): void {
  const group = program.command('foreign-keys').description('move a signed zone in, or out to another signer');
  addList(group, context);
  addPut(group, context);
  addDelete(group, context);
  addHandOver(group, context);
}

const pathOf = (zone: string): string => `/zones/${encodeURIComponent(zone.replace(/\.$/, ''))}/dnssec`;

function addList(group: Command, context: CliContext): void {
  const command = group.command('list').description('list the keys of the other signer, and what the move waits for');
  command.argument('<ZONE>');
  serviceCommand(command, context, 'foreign-keys list example.com', async ({ call, print }, zone = '') => {
    print(await call<ForeignKeysResponse>('GET', `${pathOf(zone)}/foreign-keys`), describe);
  });
}

function addPut(group: Command, context: CliContext): void {
  const command = group
    .command('put')
    .description('publish the keys of another signer beside ours, and no others of it');
  command.argument('<ZONE>').argument('[DNSKEY...]', 'RDATA such as "257 3 13 …"');
  command.option('--in <FILE>', 'master file with their DNSKEY records, - for stdin');
  const example = 'foreign-keys put example.com "257 3 13 …" "256 3 13 …"';
  serviceCommand<{ in?: string }>(command, context, example, async ({ options, call, print }, zone = '', ...given) => {
    const foreignKeys = [...given, ...(options.in === undefined ? [] : await readDnskeys(options.in, zone, context))];
    if (foreignKeys.length === 0)
      throw new UsageError('give the DNSKEYs of the other signer; "foreign-keys delete" takes all of them out');
    print(await call<ForeignKeysResponse>('PUT', `${pathOf(zone)}/foreign-keys`, { foreignKeys }), describe);
  });
}

/** Read the DNSKEYs of a zone from a master file, such as the `.key` files of BIND. @throws UsageError */
async function readDnskeys(path: string, zone: string, context: CliContext): Promise<readonly string[]> {
  const text = new TextDecoder().decode(await readInput(path, context));
  const origin = checkedUse(() => parseName(zone));
  const records = checkedUse(() => parseZoneText(text, { fileName: path, origin, defaultTtl: 3600 }));
  const apex = canonicalName(origin);
  return records
    .filter(({ owner, type }) => type === rrTypes.DNSKEY && canonicalName(owner) === apex)
    .map(({ type, rdata }) => formatRdata(type, rdata));
}

function addDelete(group: Command, context: CliContext): void {
  const command = group
    .command('delete')
    .description('take the keys of the other signer out, if no resolver needs them');
  command.argument('<ZONE>');
  serviceCommand(command, context, 'foreign-keys delete example.com', async ({ call, print }, zone = '') => {
    await call('DELETE', `${pathOf(zone)}/foreign-keys`);
    print({ zone, foreignKeys: [] }, () => `${printable(zone)} has keys of ours alone\n`);
  });
}

function addHandOver(group: Command, context: CliContext): void {
  const command = group.command('hand-over').description('leave a zone to the other signer: our DS is to be removed');
  command.argument('<ZONE>');
  const example = 'foreign-keys hand-over example.com';
  serviceCommand(command, context, example, async ({ call, print }, zone = '') => {
    await call('DELETE', `${pathOf(zone)}?handedOver=true`);
    const text = `${printable(zone)} is left to the other signer; it stays signed here until you delete it\n`;
    print({ zone, handedOver: true }, () => text);
  });
}

function describe(shown: ForeignKeysResponse): string {
  const { foreignKeys, crossPublish, knownAt, removalWaitsFor, handOverWaitsFor } = shown;
  const keys = foreignKeys.map((key) => [
    String(key.keyTag),
    String(key.algorithm),
    key.entryPoint ? 'yes' : 'no',
    key.parent ?? '',
    key.dnskey,
  ]);
  return [
    keys.length === 0
      ? 'no keys of another signer\n'
      : formatTable([['KEY TAG', 'ALGORITHM', 'DS', 'PARENT', 'DNSKEY'], ...keys]),
    `resolvers know these keys from ${knownAt}\n`,
    listOf('the other signer is to publish', crossPublish),
    listOf('their removal waits for', removalWaitsFor),
    listOf('the hand-over waits for', handOverWaitsFor),
  ].join('');
}

function listOf(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n${lines.map((line) => `  ${printable(line)}\n`).join('')}`;
}
