import { formatInstant } from '#lib/clock.ts';
import { formatName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { formatRecord } from '#dns/zone-file/print.ts';
import { type DsAction, type RegistrarKey, type RegistrarReport } from '#dnssec/core/export/registrar-report.ts';
import { deleteCdnskey, deleteCds } from '#dnssec/core/keys/ds.ts';
import { dsLine, type KeyRecords, recordsOfKey } from '#dnssec/operations/describe-keys.ts';

/** A key with its records, and what the parent is to do about it. */
export interface RegistrarItem extends KeyRecords {
  readonly action: DsAction;
  /** The DS of the key that the parent was last seen with, as master-file lines; absent where none was, or nobody looked. */
  readonly parentDs?: readonly string[];
  /** RFC 3339; the earliest time at which a DS that waits may be added. */
  readonly from?: string;
  readonly reason: string;
}

export interface RegistrarItems {
  readonly zone: string;
  /** Whether the parent is to have no DS at all. */
  readonly removesAll: boolean;
  readonly keys: readonly RegistrarItem[];
}

/** Return a report with the records of its keys, for programs. */
export function describeRegistrar({ apex, keys, removesAll }: RegistrarReport): RegistrarItems {
  const zone = formatName(apex);
  return { zone, removesAll, keys: keys.map((reported) => itemOf(zone, reported)) };
}

function itemOf(zone: string, { key, action, from, reason, found }: RegistrarKey): RegistrarItem {
  return {
    ...recordsOfKey(zone, key),
    action,
    ...(found === undefined ? {} : { parentDs: found.map((ds) => dsLine(zone, ds)) }),
    ...(from === undefined ? {} : { from: formatInstant(from * 1000) }),
    reason,
  };
}

/** The DS records that a statement about a key is about: to be removed is what the parent really has. */
function dsLinesOf({ action, ds, parentDs }: RegistrarItem): readonly string[] {
  return action === 'remove' && parentDs !== undefined ? parentDs : ds;
}

/**
 * Print the records of a report as master-file lines. Of DS, CDS and CDNSKEY only those count that the parent should have
 * now; those of other keys are comments.
 */
export function printRegistrarRecords(report: RegistrarReport, format: 'ds' | 'dnskey' | 'cds'): string {
  const { keys } = describeRegistrar(report);
  if (format === 'dnskey') return linesOf(keys.map(({ dnskey }) => dnskey));
  if (format === 'cds' && report.removesAll) return deleteRequest(report);
  return linesOf(
    keys.flatMap((key) => {
      const records = format === 'ds' ? dsLinesOf(key) : [...key.cds, ...key.cdnskey];
      const isWanted = key.action === 'add' || key.action === 'keep';
      return isWanted || records.length === 0 ? records : [`; ${titleOf(key)}`, ...records.map((line) => `; ${line}`)];
    }),
  );
}

/** What a zone publishes that asks its parent to remove every DS. Source: RFC 8078 §4. */
function deleteRequest({ apex }: RegistrarReport): string {
  const records = [
    { owner: apex, type: rrTypes.CDS, ttl: 0, rdata: deleteCds },
    { owner: apex, type: rrTypes.CDNSKEY, ttl: 0, rdata: deleteCdnskey },
  ];
  return linesOf(records.map(formatRecord));
}

const order: readonly DsAction[] = ['add', 'remove', 'keep', 'wait', 'none'];

/** Print a report for a person who has to tell a registrar: what to add first, what to remove, from when, and why. */
export function printRegistrarText(report: RegistrarReport): string {
  const { zone, keys, removesAll } = describeRegistrar(report);
  const items = keys
    .filter(({ role }) => role !== 'zsk')
    .toSorted((one, other) => order.indexOf(one.action) - order.indexOf(other.action));
  const all = removesAll ? ['', 'The zone goes insecure: remove every DS that the parent has.'] : [];
  const none = items.length === 0 ? ['', 'The zone has no key that a DS could point to.'] : [];
  return linesOf([`DS records of ${zone} at its parent`, ...all, ...none, ...items.flatMap(paragraphOf)]);
}

function paragraphOf(item: RegistrarItem): string[] {
  return [
    '',
    titleOf(item),
    `  because ${item.reason}`,
    ...dsLinesOf(item).map((line) => `  ${line}`),
    ...(item.action === 'add' || item.action === 'wait'
      ? ['  or, where the registrar asks for the key:', `  ${item.dnskey}`]
      : []),
  ];
}

const headings: Readonly<Record<DsAction, string>> = {
  add: 'ADD',
  remove: 'REMOVE',
  keep: 'KEEP',
  wait: 'WAIT',
  none: 'NOTHING TO DO',
};

function titleOf({ action, from, role, keyTag, algorithm, algorithmName }: RegistrarItem): string {
  const time = from === undefined ? '' : `, add not before ${from}`;
  return `${headings[action]}${time}: ${role.toUpperCase()} ${keyTag}, algorithm ${algorithm} (${algorithmName})`;
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
