import { canonicalName, type Name, orderKeyOf } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import type { ContentEdit } from '#dnssec/operations/zones/content-edits.ts';
import { type ChangeCause, publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { getEditableZone } from '#dnssec/operations/zones/set-feed.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { DifferenceRecord, ManagedZone, RecordContent, StoredZoneView, ZoneVersion } from '#dnssec/ports-zones.ts';

/** List the versions of a zone, the newest first. */
export async function listVersions(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  limit: number,
  before?: number,
): Promise<readonly ZoneVersion[]> {
  const zone = await getOwnZone(ports, caller, id);
  return ports.store.listVersions(zone.id, limit, before);
}

/** Return what a version took away and added. @throws DnssecError not-found */
export async function getDifferences(ports: ZonePorts, caller: Caller, id: string, version: number) {
  const zone = await getOwnZone(ports, caller, id);
  const found = await ports.store.readDifferences(zone.id, version);
  if (found === undefined)
    throw new DnssecError('not-found', `version ${version} of zone ${zone.name} has no list of its differences`);
  return found;
}

/**
 * Give a zone the contents that it had in an earlier version, as a new version with a new serial.
 *
 * @throws DnssecError not-found when the way back is not known, and what publishing throws
 */
export async function rollBack(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  version: number,
  cause: ChangeCause,
): Promise<Omit<ManagedZone, 'signing'>> {
  const { id: zoneId } = await getEditableZone(ports, caller, id);
  const compose = async (current: ManagedZone, view: StoredZoneView) => ({
    edits: await wayBack(ports, current, view, version),
  });
  return withoutSigning(await publishVersion(ports, zoneId, cause, compose, { answer: withoutSigning }));
}

async function withoutSigning(done: { readonly zone: ManagedZone }): Promise<Omit<ManagedZone, 'signing'>> {
  const { signing: _, ...zone } = done.zone;
  return zone;
}

interface Row {
  readonly owner: Name;
  readonly type: RRType;
  ttl: number;
  rdatas: Rdata[];
  content: RecordContent | undefined;
}

/** Undo versions one after the other, the newest first, as far as callers wrote what they changed. */
async function wayBack(
  ports: ZonePorts,
  zone: ManagedZone,
  view: StoredZoneView,
  version: number,
): Promise<ContentEdit[]> {
  if (version < 1 || version >= zone.version)
    throw new DnssecError('request-invalid', `version must be from 1 to ${zone.version - 1}`);
  const rows = new Map<string, Row>();
  for (let at = zone.version; at > version; at--) {
    const differences = await ports.store.readDifferences(zone.id, at);
    if (differences === undefined)
      throw new DnssecError('not-found', `the way back ends at version ${at}, whose differences are not kept`);
    for (const record of differences.added) if (record.content !== undefined) await undo(rows, view, record, 'added');
    for (const record of differences.removed)
      if (record.content !== undefined) await undo(rows, view, record, 'removed');
  }
  return [...rows.values()].map(({ owner, type, ttl, rdatas, content }) => ({
    owner,
    type,
    after: rdatas.length === 0 ? undefined : { rrset: { owner, type, ttl, rdatas }, content },
  }));
}

async function undo(
  rows: Map<string, Row>,
  view: StoredZoneView,
  { owner, type, ttl, rdata, content }: DifferenceRecord,
  was: 'added' | 'removed',
): Promise<void> {
  const canonical = canonicalName(owner);
  const name = `${type} ${canonical}`;
  let row = rows.get(name);
  if (row === undefined) {
    const stored = (await view.rrsetsAt(orderKeyOf(canonical))).find(({ rrset }) => rrset.type === type);
    row = {
      owner,
      type,
      ttl: stored?.rrset.ttl ?? ttl,
      rdatas: [...(stored?.content === undefined ? [] : stored.rrset.rdatas)],
      content: stored?.content,
    };
    rows.set(name, row);
  }
  if (was === 'added') {
    row.rdatas = row.rdatas.filter((one) => one !== rdata);
  } else {
    if (!row.rdatas.includes(rdata)) row.rdatas.push(rdata);
    row.ttl = ttl;
    row.content = content;
  }
}
