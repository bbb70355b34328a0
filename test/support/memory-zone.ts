import type { Octets } from '#lib/octets.ts';
import type { OrderKey } from '#dns/name.ts';
import { groupByOwner } from '#dnssec/core/change/plan-change.ts';
import type { ChainLink, ChainView, OwnerTypes, SignedRRset, ZoneView } from '#dnssec/core/change/zone-view.ts';

/** A version of a zone in memory. Rows are named by `rowName`. */
export class MemoryZone implements ZoneView, ChainView {
  readonly rrsets = new Map<string, SignedRRset>();
  readonly links = new Map<Octets, ChainLink>();

  async rrsetsAt(key: OrderKey): Promise<readonly SignedRRset[]> {
    return this.sorted().filter((entry) => entry.key === key);
  }

  async hasBelow(key: OrderKey): Promise<boolean> {
    return this.sorted().some((entry) => isBelow(entry.key, key));
  }

  async ownersBelow(key: OrderKey): Promise<readonly OwnerTypes[]> {
    return groupByOwner(this.sorted().filter((entry) => isBelow(entry.key, key)));
  }

  async findLink(place: Octets): Promise<ChainLink | undefined> {
    return this.links.get(place);
  }

  async linkBefore(place: Octets): Promise<ChainLink | undefined> {
    return this.sortedLinks().findLast((link) => link.place < place);
  }

  async linkAfter(place: Octets): Promise<ChainLink | undefined> {
    return this.sortedLinks().find((link) => link.place > place);
  }

  async firstLink(): Promise<ChainLink | undefined> {
    return this.sortedLinks()[0];
  }

  async lastLink(): Promise<ChainLink | undefined> {
    return this.sortedLinks().at(-1);
  }

  async namesBelow(nameKey: OrderKey, limit: number): Promise<readonly OrderKey[]> {
    return [...this.links.values()]
      .map((link) => link.nameKey)
      .filter((key) => isBelow(key, nameKey))
      .slice(0, limit);
  }

  sorted(): SignedRRset[] {
    return [...this.rrsets.values()].toSorted((left, right) =>
      left.key === right.key ? left.rrset.type - right.rrset.type : left.key < right.key ? -1 : 1,
    );
  }

  sortedLinks(): ChainLink[] {
    return [...this.links.values()].toSorted((left, right) => (left.place < right.place ? -1 : 1));
  }
}

function isBelow(key: OrderKey, ancestor: OrderKey): boolean {
  return key !== ancestor && key.startsWith(ancestor);
}
