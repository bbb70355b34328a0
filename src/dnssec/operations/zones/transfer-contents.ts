import { canonicalName, type CanonicalName, formatName, isWithin, type Name, orderKeyOf } from '#dns/name.ts';
import { formatRRType, rrTypes, type RRType } from '#dns/rr-type.ts';
import type { ResourceRecord, RRset } from '#dns/rrset.ts';
import { parseZoneText } from '#dns/zone-file/read.ts';
import { formatRecord } from '#dns/zone-file/print.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { isRecordTtl, isRecordType, mostRecordTtl } from '#dnssec/core/managed/record-values.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { getOwnZone, nsOf } from '#dnssec/operations/zones/manage-zones.ts';
import { type ContentEdit, findRRset } from '#dnssec/operations/zones/content-edits.ts';
import { type ChangeCause, publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { readAll, signWholeZone } from '#dnssec/operations/zones/sign-whole-zone.ts';
import { contentOfRRset } from '#dnssec/operations/zones/rrset-edits.ts';
import { recordsOfLink, recordsOfRRset } from '#dnssec/operations/zones/differences.ts';
import { getEditableZone } from '#dnssec/operations/zones/set-feed.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone, StoredRRset, StoredZoneView } from '#dnssec/ports-zones.ts';

/** What an import did, or would do; numbers of RRsets. */
export interface ImportResult {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  /** RRsets that are there already, and records that the service makes itself. */
  readonly skipped: number;
  /** Those that were created or updated, the first few thousand of them. */
  readonly records: readonly StoredRRset[];
  readonly recordsOmitted?: number;
}

const linksTogether = 1000;
/** Records that an import lists. */
const mostListed = 10_000;
/** RRsets beyond which an import makes the whole zone anew, instead of looking what follows from each of them. */
export const wholeImport = 20_000;

/** Print a zone as a master file: its contents, or all that is published. */
export async function exportZone(ports: ZonePorts, caller: Caller, id: string, signed: boolean): Promise<string> {
  const zone = await getOwnZone(ports, caller, id);
  const lines: string[] = [];
  const stored = await readAll(ports, zone);
  const soaFirst = stored.toSorted((left, right) => Number(isSoa(right)) - Number(isSoa(left)));
  for (const entry of soaFirst) {
    if (!signed && entry.content === undefined && !isOfZone(entry.rrset.type)) continue;
    for (const record of signed ? recordsOfRRset(entry) : recordsOfRRset({ ...entry, rrsigs: [] }))
      lines.push(formatRecord(record));
  }
  if (signed) for await (const record of linkRecords(ports, zone)) lines.push(formatRecord(record));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

async function* linkRecords(ports: ZonePorts, zone: ManagedZone): AsyncGenerator<ResourceRecord> {
  let after: Parameters<ZonePorts['store']['readLinks']>[2];
  for (;;) {
    const page = await ports.store.readLinks(zone.id, linksTogether, after);
    for (const link of page) yield* recordsOfLink(link);
    after = page.at(-1)?.place;
    if (page.length < linksTogether) return;
  }
}

function isSoa({ rrset }: StoredRRset): boolean {
  return rrset.type === rrTypes.SOA;
}

/** The SOA and the name servers of the configuration are part of the zone, though no caller wrote them. */
function isOfZone(type: RRType): boolean {
  return type === rrTypes.SOA || type === rrTypes.NS;
}

/**
 * Put the records of a master file into a zone as one version: merged with what is there, or in its place. The SOA and
 * what DNSSEC makes are left out.
 *
 * @throws DnssecError zone-invalid with all faults, DnsError zone-file-invalid and what publishing throws
 */
export async function importZone(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  request: { readonly zoneFile: string; readonly replaceExisting: boolean; readonly dryRun: boolean },
  cause: ChangeCause,
): Promise<ImportResult> {
  const zone = await getEditableZone(ports, caller, id);
  const apex = apexOf(zone);
  const parsed = parseZoneText(request.zoneFile, { fileName: 'zoneFile', origin: apex, defaultTtl: 3600 });
  const wanted = groupRRsets(parsed, apex);
  assertRecordTtls(wanted.rrsets);
  let composed: ComposedImport | undefined;
  const compose = async (current: ManagedZone, find: FindStored): Promise<readonly ContentEdit[]> => {
    composed = await composeImport(ports, apex, wanted, find, request.replaceExisting ? current : undefined);
    return composed.edits;
  };
  if (wanted.rrsets.length > wholeImport) {
    await replaceContents(ports, zone, cause, compose, request.dryRun);
  } else {
    const byView = async (current: ManagedZone, view: StoredZoneView) => ({
      edits: await compose(current, (owner, type) => findRRset(view, canonicalName(owner), type)),
    });
    await publishVersion(ports, zone.id, cause, byView, { dryRun: request.dryRun });
  }
  if (composed === undefined) throw new DnssecError('conflict', 'the import was not carried out');
  const { counts, edits } = composed;
  const records = edits.flatMap(({ owner, after }) =>
    after?.content === undefined
      ? []
      : [{ key: orderKeyOf(canonicalName(owner)), rrset: after.rrset, rrsigs: [], content: after.content }],
  );
  return {
    ...counts,
    skipped: counts.skipped + wanted.leftOut,
    records: records.slice(0, mostListed),
    ...(records.length > mostListed ? { recordsOmitted: records.length - mostListed } : {}),
  };
}

/** @throws DnssecError zone-invalid with the TTLs that no record can have */
function assertRecordTtls(rrsets: readonly RRset[]): void {
  const faults = rrsets.filter(({ ttl }) => !isRecordTtl(ttl));
  if (faults.length === 0) return;
  const first = faults
    .slice(0, 10)
    .map(({ owner, type, ttl }) => `${formatName(owner)} ${formatRRType(type)} has ${ttl}`);
  throw new DnssecError(
    'zone-invalid',
    `zoneFile: a TTL is from 1 to ${mostRecordTtl} seconds, but ${first.join(', ')}${faults.length > 10 ? ', …' : ''}`,
  );
}

/** Publish so many edits that the zone is made anew from its contents. */
export async function replaceContents(
  ports: ZonePorts,
  zone: ManagedZone,
  cause: ChangeCause,
  compose: (zone: ManagedZone, find: FindStored) => Promise<readonly ContentEdit[]>,
  dryRun = false,
): Promise<void> {
  await signWholeZone(ports, zone.id, cause, async (current, stored) => {
    const rows = new Map(stored.map((entry) => [rowOf(entry.rrset.owner, entry.rrset.type), entry]));
    const edits = await compose(current, async (owner, type) => rows.get(rowOf(owner, type)));
    return dryRun || edits.length === 0 ? undefined : { signing: current.signing, edits };
  });
}

/** Finds what a zone has already. */
export type FindStored = (owner: Name, type: RRType) => Promise<StoredRRset | undefined>;

interface ComposedImport {
  readonly edits: ContentEdit[];
  readonly counts: Omit<ImportResult, 'records' | 'recordsOmitted'>;
}

/** Group records as RRsets. @throws DnssecError zone-invalid when some are not within the zone */
export function groupRRsets(
  records: readonly ResourceRecord[],
  apex: CanonicalName,
): { readonly rrsets: readonly RRset[]; readonly leftOut: number } {
  const builder = new ZoneBuilder(apex);
  const outside = records.filter(({ owner }) => !isWithin(canonicalName(owner), apex));
  if (outside.length > 0) {
    const names = outside.slice(0, 10).map(({ owner }) => formatName(owner));
    throw new DnssecError('zone-invalid', `zoneFile: not within ${formatName(apex)}: ${names.join(', ')}`);
  }
  const kept = records.filter(({ type }) => isRecordType(type));
  builder.add(kept);
  const rrsets = [...builder.build().nodes].flatMap((node) => node.rrsets);
  return { rrsets, leftOut: records.length - kept.length };
}

/**
 * Compose the edits that give a zone these RRsets.
 *
 * @param replaced the zone whose other contents go; absent when they stay
 */
export async function composeImport(
  ports: ZonePorts,
  apex: CanonicalName,
  { rrsets }: ReturnType<typeof groupRRsets>,
  find: FindStored,
  replaced: ManagedZone | undefined,
): Promise<ComposedImport> {
  const now = ports.clock.now();
  const edits: ContentEdit[] = [];
  const counts = { created: 0, updated: 0, deleted: 0, skipped: 0 };
  const seen = new Set<string>();
  for (const rrset of rrsets) {
    seen.add(rowOf(rrset.owner, rrset.type));
    const there = await find(rrset.owner, rrset.type);
    const same =
      there?.content !== undefined &&
      there.rrset.ttl === rrset.ttl &&
      sortedRdatas(there.rrset.rdatas) === sortedRdatas(rrset.rdatas);
    if (same) {
      counts.skipped += 1;
      continue;
    }
    const content = contentOfRRset(rrset, there?.content, apex, now);
    if (there?.content === undefined) counts.created += 1;
    else counts.updated += 1;
    edits.push({ owner: rrset.owner, type: rrset.type, after: { rrset, content } });
  }
  if (replaced === undefined) return { edits, counts };
  for (const { rrset, content } of await readAll(ports, replaced)) {
    if (content === undefined || seen.has(rowOf(rrset.owner, rrset.type))) continue;
    counts.deleted += 1;
    const isApexNs = rrset.type === rrTypes.NS && canonicalName(rrset.owner) === apex;
    const after = isApexNs ? { rrset: nsOf(apex, ports.nameServers) } : undefined;
    edits.push({ owner: rrset.owner, type: rrset.type, after });
  }
  return { edits, counts };
}

function rowOf(owner: Name, type: RRType): string {
  return `${formatRRType(type)} ${canonicalName(owner)}`;
}

function sortedRdatas(rdatas: readonly string[]): string {
  return rdatas.toSorted((left, right) => (left < right ? -1 : 1)).join('\n');
}
