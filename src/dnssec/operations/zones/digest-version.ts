import { breathe } from '#lib/breathe.ts';
import { canonicalName, type OrderKey, orderKeyOf } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { RRset } from '#dns/rrset.ts';
import { planRRset } from '#dnssec/core/signing/plan.ts';
import { type DigestedRRset, SignedZoneDigest } from '#dnssec/core/signing/signed-zone-digest.ts';
import { placeholderZonemd, zonemdOf } from '#dnssec/core/signing/zonemd.ts';
import { rowName } from '#dnssec/core/change/plan-change.ts';
import { signPlanned } from '#dnssec/operations/sign-planned.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ZoneSigners } from '#dnssec/operations/zones/zone-signers.ts';
import type { ManagedZone, StoredLink, StoredRRset, VersionChange } from '#dnssec/ports-zones.ts';

/** RRsets read and digested before others have their turn. */
const together = 200;

type Contents = Pick<VersionChange, 'rrsets' | 'removedRRsets' | 'links' | 'removedLinks'>;

/** Return the RRset that holds the place of the digest. @param ttl that of the SOA. Source: RFC 8976 §3.1. */
export function placeholderRRset(owner: RRset['owner'], ttl: number, serial: number): RRset {
  return { owner, type: rrTypes.ZONEMD, ttl, rdatas: [placeholderZonemd(serial)] };
}

/** The digest changes with every version. */
export function zonemdEdit({ owner, ttl }: RRset, serial: number) {
  return { owner, type: rrTypes.ZONEMD, after: { rrset: placeholderRRset(owner, ttl, serial) } };
}

/**
 * Make the ZONEMD of a version: digest the stored zone with what the version changes, page by page, and have it signed. What
 * somebody else publishes meanwhile makes the version a conflict, so that no mixture can be published.
 *
 * Source: RFC 8976 §3.3.
 *
 * @param zone as it is in the version
 * @param change what the version writes, all signed, its ZONEMD aside
 * @param placeholder the ZONEMD whose place the digest takes
 * @throws DnssecError kms-refused, kms-unavailable, signature-invalid
 */
export async function signZonemd(
  ports: Pick<ZonePorts, 'store'>,
  zone: ManagedZone,
  change: Contents,
  placeholder: RRset,
  { context, signer }: ZoneSigners,
): Promise<{ readonly rrset: RRset; readonly rrsigs: StoredRRset['rrsigs'] }> {
  const digest = new SignedZoneDigest(apexOf(zone));
  const linkType = zone.signing?.policy.denial === 'nsec3' ? rrTypes.NSEC3 : rrTypes.NSEC;
  for await (const entry of merged(rrsetsOf(ports, zone, change), linksOf(ports, zone, change, linkType)))
    digest.add(entry);
  const rrset = { ...placeholder, rdatas: [zonemdOf(zone.serial, digest.finish())] };
  const [signed] = await signPlanned([planRRset(context, apexOf(zone), rrset)], signer);
  return { rrset, rrsigs: signed?.rrsigs ?? [] };
}

interface Entry extends DigestedRRset {
  readonly ownerKey: OrderKey;
}

/** The RRsets of the version in canonical order. */
async function* rrsetsOf(
  { store }: Pick<ZonePorts, 'store'>,
  { id }: ManagedZone,
  { rrsets, removedRRsets }: Contents,
): AsyncGenerator<Entry> {
  const gone = new Set([
    ...rrsets.map(({ key, rrset }) => rowName(key, rrset.type)),
    ...removedRRsets.map(({ key, type }) => rowName(key, type)),
  ]);
  const stored = pages<StoredRRset>((last) =>
    store.readRRsets(id, together, last === undefined ? undefined : { key: last.key, type: last.rrset.type }),
  );
  const isKept = ({ key, rrset }: StoredRRset) => !gone.has(rowName(key, rrset.type));
  for await (const { key, rrset, rrsigs } of overlaid(stored, isKept, rrsets, isRRsetBefore))
    yield { ownerKey: key, rrset, rrsigs };
}

function isRRsetBefore(left: StoredRRset, right: StoredRRset): boolean {
  return left.key === right.key ? left.rrset.type < right.rrset.type : left.key < right.key;
}

/** The chain of denial of the version, whose owners are in canonical order too. */
async function* linksOf(
  { store }: Pick<ZonePorts, 'store'>,
  { id }: ManagedZone,
  { links, removedLinks }: Contents,
  type: number,
): AsyncGenerator<Entry> {
  const gone = new Set([...links.map(({ place }) => place), ...removedLinks]);
  const stored = pages<StoredLink>((last) => store.readLinks(id, together, last?.place));
  const isKept = ({ place }: StoredLink) => !gone.has(place);
  for await (const { owner, ttl, rdata, rrsigs } of overlaid(
    stored,
    isKept,
    links,
    (one, other) => one.place < other.place,
  ))
    yield { ownerKey: orderKeyOf(canonicalName(owner)), rrset: { owner, type, ttl, rdatas: [rdata] }, rrsigs };
}

/** Read page by page, and let others have their turn in between. */
async function* pages<Item>(read: (last: Item | undefined) => Promise<readonly Item[]>): AsyncGenerator<Item> {
  let last: Item | undefined;
  for (let isMore = true; isMore; await breathe()) {
    const page = await read(last);
    yield* page;
    last = page.at(-1);
    isMore = page.length === together;
  }
}

/** Put what is written between what is stored and kept, both in order. */
async function* overlaid<Item>(
  stored: AsyncIterable<Item>,
  isKept: (item: Item) => boolean,
  written: readonly Item[],
  isBefore: (left: Item, right: Item) => boolean,
): AsyncGenerator<Item> {
  const sorted = written.toSorted((left, right) => (isBefore(left, right) ? -1 : 1));
  let next = 0;
  for await (const item of stored) {
    if (!isKept(item)) continue;
    for (; next < sorted.length && isBefore(sorted[next] as Item, item); next++) yield sorted[next] as Item;
    yield item;
  }
  for (; next < sorted.length; next++) {
    if (next % together === 0) await breathe();
    yield sorted[next] as Item;
  }
}

/** Merge two sequences by owner. */
async function* merged(one: AsyncGenerator<Entry>, other: AsyncGenerator<Entry>): AsyncGenerator<Entry> {
  let [left, right] = [await one.next(), await other.next()];
  while (left.done !== true || right.done !== true) {
    if (right.done === true || (left.done !== true && left.value.ownerKey <= right.value.ownerKey)) {
      yield (left as IteratorYieldResult<Entry>).value;
      left = await one.next();
    } else {
      yield right.value;
      right = await other.next();
    }
  }
}
