import type { OrderKey } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import { groupByOwner } from '#dnssec/core/change/plan-change.ts';
import type { OwnerTypes, SignedRRset, ZoneView } from '#dnssec/core/change/zone-view.ts';

/** A view with changes laid over it: the zone as it will be. */
export class ChangedView implements ZoneView {
  readonly #base: ZoneView;
  /** By owner and type; undefined for what is taken away. */
  readonly #changes = new Map<OrderKey, Map<RRType, SignedRRset | undefined>>();

  constructor(base: ZoneView) {
    this.#base = base;
  }

  set(key: OrderKey, type: RRType, after: SignedRRset | undefined): void {
    const own = this.#changes.get(key) ?? new Map<RRType, SignedRRset | undefined>();
    this.#changes.set(key, own.set(type, after));
  }

  async rrsetsAt(key: OrderKey): Promise<readonly SignedRRset[]> {
    const stored = await this.#base.rrsetsAt(key);
    const changes = this.#changes.get(key);
    if (changes === undefined) return stored;
    const kept = stored.filter(({ rrset }) => !changes.has(rrset.type));
    const put = [...changes.values()].filter((after) => after !== undefined);
    return [...kept, ...put].toSorted((left, right) => left.rrset.type - right.rrset.type);
  }

  async hasBelow(key: OrderKey): Promise<boolean> {
    const changed = [...this.#changes].filter(([at]) => isBelow(at, key));
    if (changed.some(([, changes]) => [...changes.values()].some((after) => after !== undefined))) return true;
    return changed.length === 0 ? this.#base.hasBelow(key) : (await this.ownersBelow(key)).length > 0;
  }

  async ownersBelow(key: OrderKey): Promise<readonly OwnerTypes[]> {
    const owners = new Map((await this.#base.ownersBelow(key)).map((owner) => [owner.key, owner]));
    for (const at of this.#changes.keys()) {
      if (!isBelow(at, key)) continue;
      const [owner] = groupByOwner(await this.rrsetsAt(at));
      if (owner === undefined) owners.delete(at);
      else owners.set(at, owner);
    }
    return [...owners.values()].toSorted((left, right) => (left.key < right.key ? -1 : 1));
  }
}

function isBelow(key: OrderKey, ancestor: OrderKey): boolean {
  return key !== ancestor && key.startsWith(ancestor);
}
