import type { Octets } from '#lib/octets.ts';
import type { OrderKey } from '#dns/name.ts';
import { groupByOwner, rowName } from '#dnssec/core/change/plan-change.ts';
import type {
  KnownZone,
  RRsetPlace,
  StoredLink,
  StoredRRset,
  StoredZoneView,
  VersionChange,
} from '#dnssec/ports-zones.ts';

type Written = Pick<VersionChange, 'rrsets' | 'removedRRsets' | 'links' | 'removedLinks'>;

/** The contents of a small zone in memory, as the store would show them. */
export class SmallContents {
  #rrsets: readonly StoredRRset[];
  #links: readonly StoredLink[];

  constructor({ rrsets, links }: Required<KnownZone>['contents']) {
    this.#rrsets = rrsets;
    this.#links = links;
  }

  /** Take in what a version changes. */
  apply({ rrsets, removedRRsets, links, removedLinks }: Written): void {
    const gone = new Set([
      ...removedRRsets.map(({ key, type }) => rowName(key, type)),
      ...rrsets.map(({ key, rrset }) => rowName(key, rrset.type)),
    ]);
    const kept = this.#rrsets.filter(({ key, rrset }) => !gone.has(rowName(key, rrset.type)));
    this.#rrsets = [...kept, ...rrsets].toSorted((left, right) => comparePlaces(placeOf(left), placeOf(right)));
    const goneLinks = new Set([...removedLinks, ...links.map(({ place }) => place)]);
    const keptLinks = this.#links.filter(({ place }) => !goneLinks.has(place));
    this.#links = [...keptLinks, ...links].toSorted((left, right) => compare(left.place, right.place));
  }

  readRRsets(limit: number, after?: RRsetPlace): readonly StoredRRset[] {
    const rest = this.#rrsets.filter((entry) => after === undefined || comparePlaces(placeOf(entry), after) > 0);
    return rest.slice(0, limit);
  }

  readLinks(limit: number, after: Octets | undefined): readonly StoredLink[] {
    return this.#links.filter(({ place }) => after === undefined || place > after).slice(0, limit);
  }

  /** @param before seconds */
  dueRRsets(before: number, limit: number): readonly StoredRRset[] {
    return firstDue(this.#rrsets, before, limit);
  }

  /** @param before seconds */
  dueLinks(before: number, limit: number): readonly StoredLink[] {
    return firstDue(this.#links, before, limit);
  }

  firstRefresh(): number | undefined {
    const times = [...this.#rrsets, ...this.#links].flatMap(({ refreshAt }) => refreshAt ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  view(): StoredZoneView {
    const [rrsets, links] = [this.#rrsets, this.#links];
    const below = (key: OrderKey) => rrsets.filter((entry) => isBelow(entry.key, key));
    return {
      rrsetsAt: async (key) => rrsets.filter((entry) => entry.key === key),
      hasBelow: async (key) => rrsets.some((entry) => isBelow(entry.key, key)),
      ownersBelow: async (key) => groupByOwner(below(key)),
      findLink: async (place) => links.find((link) => link.place === place),
      linkBefore: async (place) => links.findLast((link) => link.place < place),
      linkAfter: async (place) => links.find((link) => link.place > place),
      firstLink: async () => links[0],
      lastLink: async () => links.at(-1),
      async namesBelow(nameKey, limit) {
        const keys = links.map((link) => link.nameKey).filter((key) => isBelow(key, nameKey));
        return keys.toSorted(compare).slice(0, limit);
      },
    };
  }
}

function firstDue<Entry extends { readonly refreshAt?: number }>(
  entries: readonly Entry[],
  before: number,
  limit: number,
): readonly Entry[] {
  const due = entries.filter(({ refreshAt = Infinity }) => refreshAt <= before);
  return due.toSorted((left, right) => (left.refreshAt ?? 0) - (right.refreshAt ?? 0)).slice(0, limit);
}

function placeOf({ key, rrset }: StoredRRset): RRsetPlace {
  return { key, type: rrset.type };
}

function comparePlaces(left: RRsetPlace, right: RRsetPlace): number {
  return compare(left.key, right.key) || left.type - right.type;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function isBelow(key: OrderKey, ancestor: OrderKey): boolean {
  return key !== ancestor && key.startsWith(ancestor);
}
