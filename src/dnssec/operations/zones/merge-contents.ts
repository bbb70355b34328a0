import { breathe } from '#lib/breathe.ts';
import { type CanonicalName, type OrderKey, orderKeyOf } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord, RRset } from '#dns/rrset.ts';
import { checkZone } from '#dnssec/core/zone/checks.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import type { ContentEdit } from '#dnssec/operations/zones/content-edits.ts';
import { readPages } from '#dnssec/operations/zones/gather-contents.ts';
import { nsOf } from '#dnssec/operations/zones/manage-zones.ts';
import { answered } from '#dnssec/operations/zones/once.ts';
import { type ContentEntry, PackedContents } from '#dnssec/operations/zones/packed-contents.ts';
import { type ChangeCause, publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { contentOfRRset } from '#dnssec/operations/zones/rrset-edits.ts';
import { assertServed, signWholeZone } from '#dnssec/operations/zones/sign-whole-zone.ts';
import { rrsetsOf, type WantedContents } from '#dnssec/operations/zones/wanted-contents.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { KeyNews, ManagedZone, StoredRRset, StoredZoneView, ZoneStore } from '#dnssec/ports-zones.ts';

/** Contents that come into a zone. */
export interface Incoming {
  readonly wanted: WantedContents;
  /** Whether all else goes. */
  readonly isReplacing: boolean;
  /** The SOA that the zone is to have, but for its serial; absent when it stays. */
  readonly soa?: ResourceRecord;
  /** RRsets that may differ before the zone is made anew. Default 20 000. */
  readonly mostEdits?: number;
  /** Gives what the request with a claim is answered, which is written with the version. */
  readonly answer?: (merge: ContentMerge) => unknown;
}

/** RRsets up to which an import is looked up one by one, and a version has a list of its differences. */
const fewEdits = 20_000;
/** Records that a merge lists. */
const mostListed = 10_000;
/** RRsets that are gone through before others have their turn. */
const together = 1000;

/** So much changes that the zone is made anew. */
class MassChange extends Error {}

/** What became of RRsets when others came into their zone. Numbers of RRsets. */
export class ContentMerge {
  readonly counts = { created: 0, updated: 0, deleted: 0, skipped: 0 };
  /** Those that were created or updated, the first few thousand of them. */
  readonly records: StoredRRset[] = [];
  /** How many more were created or updated. */
  recordsOmitted = 0;
  readonly #incoming: Incoming;
  readonly #apex: CanonicalName;
  readonly #apexKey: OrderKey;
  readonly #nameServers: readonly string[];
  readonly #now: number;

  /** @param now milliseconds */
  constructor(incoming: Incoming, apex: CanonicalName, nameServers: readonly string[], now: number) {
    this.#incoming = incoming;
    this.#apex = apex;
    this.#apexKey = orderKeyOf(apex);
    this.#nameServers = nameServers;
    this.#now = now;
  }

  /** Say what becomes of what is at one place: the RRset that is there, the one that comes, or both. */
  decide(
    key: OrderKey,
    stored: StoredRRset | undefined,
    wanted: RRset | undefined,
  ): { readonly after: ContentEntry | undefined; readonly edit?: ContentEdit } {
    if (wanted !== undefined) return this.#take(key, stored, wanted);
    const { soa, isReplacing } = this.#incoming;
    const { rrset, content } = stored as StoredRRset;
    const { owner, type } = rrset;
    if (soa !== undefined && type === rrTypes.SOA && key === this.#apexKey) {
      const after = { rrset: { owner: soa.owner, type, ttl: soa.ttl, rdatas: [soa.rdata] } };
      return { after: { key, ...after }, edit: { owner, type, after } };
    }
    if (!isReplacing || content === undefined)
      return { after: { key, rrset, ...(content === undefined ? {} : { content }) } };
    this.counts.deleted += 1;
    const isApexNs = type === rrTypes.NS && key === this.#apexKey;
    const after = isApexNs ? { rrset: nsOf(this.#apex, this.#nameServers) } : undefined;
    return { after: after && { key, ...after }, edit: { owner, type, after } };
  }

  #take(key: OrderKey, stored: StoredRRset | undefined, rrset: RRset) {
    const before = stored?.content;
    if (stored !== undefined && before !== undefined && isSame(stored.rrset, rrset)) {
      this.counts.skipped += 1;
      return { after: { key, rrset: stored.rrset, content: before } };
    }
    if (before === undefined) this.counts.created += 1;
    else this.counts.updated += 1;
    const after = { rrset, content: contentOfRRset(rrset, before, this.#apex, this.#now) };
    if (this.records.length < mostListed) this.records.push({ key, ...after, rrsigs: [] });
    else this.recordsOmitted += 1;
    return { after: { key, ...after }, edit: { owner: rrset.owner, type: rrset.type, after } };
  }
}

/** Case counts in what is kept, and the order of records does not. */
function isSame(left: RRset, right: RRset): boolean {
  return left.ttl === right.ttl && sorted(left.rdatas) === sorted(right.rdatas);
}

function sorted(rdatas: readonly string[]): string {
  if (rdatas.length === 1) return rdatas[0] as string;
  return rdatas.toSorted((left, right) => (left < right ? -1 : 1)).join('\n');
}

/**
 * Publish the contents of a zone with others that come into them, as one version: as the difference that it makes, or as a
 * zone that is made anew where too much changes. Both are gone through in canonical order, so that what changes little
 * costs little beyond that, and what does not change nothing.
 *
 * @throws DnssecError zone-invalid with all faults, and what publishing throws
 */
export async function publishMerged(
  ports: ZonePorts,
  zone: ManagedZone,
  incoming: Incoming,
  cause: ChangeCause,
  dryRun = false,
): Promise<ContentMerge> {
  const apex = apexOf(zone);
  const newMerge = () => new ContentMerge(incoming, apex, ports.nameServers, ports.clock.now());
  let merge = newMerge();
  const claimed = (): { readonly news?: KeyNews } => {
    const { claim } = cause;
    if (claim === undefined || incoming.answer === undefined) return {};
    return { news: { claim: answered(ports, claim, incoming.answer(merge)) } };
  };
  const compute = async (current: ManagedZone, view: StoredZoneView) => {
    merge = newMerge();
    return { edits: await composeEdits(ports.store, current, view, incoming, merge), ...claimed() };
  };
  try {
    await publishVersion(ports, zone.id, cause, compute, { dryRun });
    return merge;
  } catch (error) {
    if (!(error instanceof MassChange)) throw error;
  }
  let isChanged = false;
  const gather = async (current: ManagedZone): Promise<PackedContents> => {
    const contents = new PackedContents(apex);
    merge = newMerge();
    isChanged = false;
    await mergeStored(ports.store, current, incoming.wanted, (key, stored, wanted) => {
      const { after, edit } = merge.decide(key, stored, wanted);
      if (edit !== undefined) isChanged = true;
      if (after !== undefined) contents.add(after);
    });
    return contents;
  };
  const wish = ({ signing }: ManagedZone, contents: PackedContents) => {
    assertServed(checkZone(contents.zone, signing === undefined ? {} : { maxTtl: signing.policy.maxTtl }));
    return dryRun || !isChanged ? undefined : { signing, ...claimed() };
  };
  await signWholeZone(ports, zone.id, cause, wish, gather);
  return merge;
}

/** @throws MassChange when there are too many */
async function composeEdits(
  store: ZoneStore,
  zone: ManagedZone,
  view: StoredZoneView,
  incoming: Incoming,
  merge: ContentMerge,
): Promise<ContentEdit[]> {
  const { wanted, isReplacing, mostEdits = fewEdits } = incoming;
  const edits: ContentEdit[] = [];
  const visit: Visit = (key, stored, comes) => {
    const { edit } = merge.decide(key, stored, comes);
    if (edit !== undefined) edits.push(edit);
    if (edits.length > mostEdits) throw new MassChange();
  };
  if (isReplacing || wanted.rrsets > mostEdits) {
    await mergeStored(store, zone, wanted, visit);
    return edits;
  }
  for (const { key, rrset } of rrsetsOf(wanted)) {
    const stored = (await view.rrsetsAt(key)).find((one) => one.rrset.type === rrset.type);
    visit(key, stored, rrset);
  }
  return edits;
}

type Visit = (key: OrderKey, stored: StoredRRset | undefined, wanted: RRset | undefined) => void;

/** Go through the RRsets of a zone and those that come into it together, in canonical order. */
async function mergeStored(
  store: Pick<ZoneStore, 'readRRsets'>,
  { id }: ManagedZone,
  contents: WantedContents,
  visit: Visit,
): Promise<void> {
  const wanted = rrsetsOf(contents);
  let next = wanted.next();
  let passed = 0;
  const passTo = async (stored: StoredRRset | undefined): Promise<void> => {
    for (; next.done !== true; next = wanted.next()) {
      if (stored !== undefined && !isBefore(next.value, stored)) return;
      visit(next.value.key, undefined, next.value.rrset);
      passed += 1;
      if (passed % together === 0) await breathe();
    }
  };
  for await (const page of readPages(store, id)) {
    for (const stored of page) {
      if (next.done !== true && isBefore(next.value, stored)) await passTo(stored);
      if (next.done !== true && next.value.key === stored.key && next.value.rrset.type === stored.rrset.type) {
        visit(stored.key, stored, next.value.rrset);
        next = wanted.next();
      } else {
        visit(stored.key, stored, undefined);
      }
    }
  }
  await passTo(undefined);
}

type Placed = Pick<StoredRRset, 'key' | 'rrset'>;

function isBefore(left: Placed, right: Placed): boolean {
  return left.key === right.key ? left.rrset.type < right.rrset.type : left.key < right.key;
}
