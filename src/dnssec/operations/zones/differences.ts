import { canonicalName, orderKeyOf } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import type {
  DifferenceRecord,
  RecordContent,
  StoredLink,
  StoredRRset,
  StoredZoneView,
  VersionChange,
} from '#dnssec/ports-zones.ts';

/** Records that a version takes away and adds, signatures and denial among them. */
export async function composeDifferences(
  view: StoredZoneView,
  change: Pick<VersionChange, 'rrsets' | 'removedRRsets' | 'links' | 'removedLinks'>,
): Promise<NonNullable<VersionChange['differences']>> {
  const removed: DifferenceRecord[] = [];
  const added: DifferenceRecord[] = [];
  const compare = (before: readonly DifferenceRecord[], after: readonly DifferenceRecord[]) => {
    const had = new Set(before.map(identityOf));
    const has = new Set(after.map(identityOf));
    removed.push(...before.filter((record) => !has.has(identityOf(record))));
    added.push(...after.filter((record) => !had.has(identityOf(record))));
  };
  for (const entry of change.rrsets) {
    const stored = await findStored(view, entry);
    compare(stored === undefined ? [] : recordsOfRRset(stored), recordsOfRRset(entry));
  }
  for (const { key, type } of change.removedRRsets) {
    const stored = (await view.rrsetsAt(key)).find(({ rrset }) => rrset.type === type);
    if (stored !== undefined) compare(recordsOfRRset(stored), []);
  }
  for (const link of change.links) {
    const stored = await view.findLink(link.place);
    compare(stored === undefined ? [] : recordsOfLink(stored), recordsOfLink(link));
  }
  for (const place of change.removedLinks) {
    const stored = await view.findLink(place);
    if (stored !== undefined) compare(recordsOfLink(stored), []);
  }
  return { removed, added };
}

async function findStored(view: StoredZoneView, { rrset }: StoredRRset): Promise<StoredRRset | undefined> {
  const stored = await view.rrsetsAt(orderKeyOf(canonicalName(rrset.owner)));
  return stored.find((other) => other.rrset.type === rrset.type);
}

/** The records of an RRset with those of its signatures. */
export function recordsOfRRset({ rrset, rrsigs, content }: StoredRRset): DifferenceRecord[] {
  return records(rrset, rrsigs, content);
}

/** The records of a link with those of its signatures. */
export function recordsOfLink({ owner, ttl, rdata, rrsigs, place }: StoredLink): DifferenceRecord[] {
  return records({ owner, type: typeOfLink({ owner, place }), ttl, rdatas: [rdata] }, rrsigs);
}

/** With NSEC the place of a link is the order key of its owner; with NSEC3 it is a hash. */
export function typeOfLink({ owner, place }: Pick<StoredLink, 'owner' | 'place'>): RRType {
  const key: string = orderKeyOf(canonicalName(owner));
  return key === (place as string) ? rrTypes.NSEC : rrTypes.NSEC3;
}

function records(rrset: RRset, rrsigs: readonly Rdata[], content?: RecordContent): DifferenceRecord[] {
  const { owner, type, ttl, rdatas } = rrset;
  const own = content === undefined ? {} : { content };
  return [
    ...rdatas.map((rdata) => ({ owner, type, ttl, rdata, ...own })),
    ...rrsigs.map((rdata) => ({ owner, type: rrTypes.RRSIG, ttl, rdata })),
  ];
}

function identityOf({ owner, type, ttl, rdata }: DifferenceRecord): string {
  return `${owner}\n${type} ${ttl}\n${rdata}`;
}
