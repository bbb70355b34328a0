import { randomUUID } from 'node:crypto';
import { canonicalName, type CanonicalName, isWithin, type Name, orderKeyOf, parseName } from '#dns/name.ts';
import { formatRRType, parseRRType, rrTypes, type RRType } from '#dns/rr-type.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { isRecordTtl, isRecordType, mostRecordTtl, parseRecordValues } from '#dnssec/core/managed/record-values.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { getOwnZone, nsOf } from '#dnssec/operations/zones/manage-zones.ts';
import { type ContentEdit, findRRset } from '#dnssec/operations/zones/content-edits.ts';
import { type ChangeCause, type PublishedVersion, publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { getEditableZone } from '#dnssec/operations/zones/set-feed.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone, StoredRRset, StoredZoneView } from '#dnssec/ports-zones.ts';

/** A record as callers write it: an RRset with values in their own form. */
export interface RecordInput {
  readonly name: string;
  readonly type: string;
  readonly ttl?: number | undefined;
  readonly values: readonly string[];
}

/** One of the changes that are made together. */
export type RecordChange =
  | { readonly action: 'create' | 'put'; readonly record: RecordInput }
  | { readonly action: 'delete'; readonly name: string; readonly type: string };

/** What changes did, or would do. */
export interface ChangedRecords {
  /** The newest version, which is the one before when nothing changed. */
  readonly version: number;
  readonly serial: number;
  /** Records that went and came, signatures among them. */
  readonly removed: number;
  readonly added: number;
  readonly warnings: readonly ZoneFault[];
  /** The records that were created or put, without signatures. */
  readonly records: readonly StoredRRset[];
}

const defaultTtl = 3600;

/** How a record is named by a path. */
export type RecordAddress = { readonly identity: string } | { readonly name: string; readonly type: string };

/** @throws DnssecError not-found */
export async function getRecord(
  ports: ZonePorts,
  caller: Caller,
  zoneId: string,
  address: RecordAddress,
): Promise<StoredRRset> {
  const zone = await getOwnZone(ports, caller, zoneId);
  return getStored(ports, zone, address);
}

async function getStored(ports: ZonePorts, zone: ManagedZone, address: RecordAddress): Promise<StoredRRset> {
  const found =
    'identity' in address
      ? await ports.store.findRecord(zone.id, address.identity)
      : await findRRset(ports.store.viewOf(zone.id), ownerOf(zone, address.name), parseType(address.type));
  if (found?.content === undefined) throw new DnssecError('not-found', `zone ${zone.name} has no such record`);
  return found;
}

/**
 * Change records of a zone, all as one new version or none.
 *
 * @throws DnssecError request-invalid, conflict, not-found, zone-invalid and what publishing throws
 */
export async function changeRecords(
  ports: ZonePorts,
  caller: Caller,
  zoneId: string,
  changes: readonly RecordChange[],
  cause: ChangeCause,
  options: { readonly dryRun?: boolean } = {},
): Promise<ChangedRecords> {
  const known = await getEditableZone(ports, caller, zoneId);
  const answer = (done: DoneVersion) => changedRecords(ports, done, changes);
  const compose = async (zone: ManagedZone, view: StoredZoneView) => ({
    edits: await composeEdits(ports, zone, view, changes),
  });
  const published = await publishVersion(ports, known.id, cause, compose, { ...options, known, answer });
  return answer(published);
}

type DoneVersion = Omit<PublishedVersion, 'isWritten'>;

async function changedRecords(
  ports: ZonePorts,
  { zone, change, warnings }: DoneVersion,
  changes: readonly RecordChange[],
): Promise<ChangedRecords> {
  const put = changes.flatMap((one) => (one.action === 'delete' ? [] : [one.record]));
  const records: StoredRRset[] = [];
  for (const { name, type } of put) {
    const place = orderKeyOf(ownerOf(zone, name));
    const written = change?.rrsets.find((one) => one.key === place && one.rrset.type === parseType(type));
    const { key, rrset, content } = written ?? (await getStored(ports, zone, { name, type }));
    records.push({ key, rrset, rrsigs: [], ...(content === undefined ? {} : { content }) });
  }
  const { version, serial } = zone;
  const { removed = 0, added = 0 } = change?.version ?? {};
  return { version, serial, removed, added, warnings, records };
}

/** Give a record new values, and a new TTL where one is named. @throws DnssecError not-found and what changing throws */
export async function updateRecord(
  ports: ZonePorts,
  caller: Caller,
  zoneId: string,
  address: RecordAddress,
  wanted: { readonly ttl?: number | undefined; readonly values: readonly string[] },
  cause: ChangeCause,
): Promise<StoredRRset> {
  const { rrset, content } = await getRecord(ports, caller, zoneId, address);
  const record = {
    name: content?.name ?? '@',
    type: formatRRType(rrset.type),
    ttl: wanted.ttl ?? rrset.ttl,
    values: wanted.values,
  };
  const { records } = await changeRecords(ports, caller, zoneId, [{ action: 'put', record }], cause);
  return records[0] as StoredRRset;
}

/** @throws DnssecError not-found and what changing throws */
export async function deleteRecord(
  ports: ZonePorts,
  caller: Caller,
  zoneId: string,
  address: RecordAddress,
  cause: ChangeCause,
): Promise<void> {
  const { rrset, content } = await getRecord(ports, caller, zoneId, address);
  const change = { action: 'delete', name: content?.name ?? '@', type: formatRRType(rrset.type) } as const;
  await changeRecords(ports, caller, zoneId, [change], cause);
}

async function composeEdits(
  ports: ZonePorts,
  zone: ManagedZone,
  view: StoredZoneView,
  changes: readonly RecordChange[],
): Promise<ContentEdit[]> {
  const apex = apexOf(zone);
  const now = ports.clock.now();
  const edits = new Map<string, ContentEdit>();
  for (const [index, change] of changes.entries()) {
    const { name, type: typeText } = change.action === 'delete' ? change : change.record;
    const owner = ownerNameOf(zone, name);
    const type = parseType(typeText);
    const row = `${type} ${canonicalName(owner)}`;
    if (edits.has(row)) throw invalid(`/changes/${index}`, `${name} ${typeText} is changed twice`);
    const stored = await findRRset(view, canonicalName(owner), type);
    edits.set(row, editOf(change, { owner, type, stored, apex, now, nameServers: ports.nameServers }));
  }
  return [...edits.values()];
}

interface EditContext {
  readonly owner: Name;
  readonly type: RRType;
  readonly stored: StoredRRset | undefined;
  readonly apex: CanonicalName;
  readonly now: number;
  readonly nameServers: readonly string[];
}

function editOf(change: RecordChange, context: EditContext): ContentEdit {
  const { owner, type, stored, apex, now, nameServers } = context;
  if (change.action === 'delete') {
    if (stored?.content === undefined)
      throw new DnssecError('not-found', `there is no record ${change.name} ${change.type}`);
    // A zone always has name servers: those of the configuration come back.
    const isApexNs = type === rrTypes.NS && canonicalName(owner) === apex;
    return { owner, type, after: isApexNs ? { rrset: nsOf(apex, nameServers) } : undefined };
  }
  const { record } = change;
  const before = stored?.content;
  if (change.action === 'create' && before !== undefined)
    throw new DnssecError('conflict', `there is a record ${record.name} ${record.type} already: update it`);
  if (record.values.length === 0) throw invalid('/values', 'a record has at least one value');
  if (record.type !== formatRRType(type))
    throw invalid('/type', `"${record.type}" would come back as ${formatRRType(type)}: write it so`);
  const { ttl = defaultTtl } = record;
  if (!isRecordTtl(ttl) && ttl !== stored?.rrset.ttl)
    throw invalid('/ttl', `must be from 1 to ${mostRecordTtl} seconds`);
  const rdatas = parseRecordValues(type, record.values, apex);
  const content =
    before === undefined
      ? { identity: `dnsr-${randomUUID()}`, name: record.name, values: record.values, createdAt: now }
      : { ...before, values: record.values, updatedAt: now };
  return { owner, type, after: { rrset: { owner, type, ttl, rdatas }, content } };
}

/** Parse a name that is relative to the zone. @throws DnssecError request-invalid; DnsError name-invalid */
function ownerNameOf(zone: ManagedZone, name: string): Name {
  const apex = apexOf(zone);
  const owner = parseName(name, apex);
  if (name === '' || name.endsWith('.') || !isWithin(canonicalName(owner), apex))
    throw invalid('/name', `"${name.slice(0, 253)}" must be relative to the zone, as @, * or www are`);
  return owner;
}

function ownerOf(zone: ManagedZone, name: string): CanonicalName {
  return canonicalName(ownerNameOf(zone, name));
}

export function parseType(text: string): RRType {
  const type = parseRRType(text);
  if (!isRecordType(type)) throw invalid('/type', `records of type ${text.slice(0, 40)} cannot be kept in a zone`);
  return type;
}

function invalid(pointer: string, message: string): DnssecError {
  return new DnssecError('request-invalid', `body ${pointer}: ${message}`, { details: { in: 'body', pointer } });
}
