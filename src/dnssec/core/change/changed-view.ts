import type { OrderKey } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import { groupByOwner, rowName } from '#dnssec/core/change/plan-change.ts';
import type { OwnerTypes, SignedRRset, ZoneView } from '#dnssec/core/change/zone-view.ts';

/** A view with changes laid over it: the zone as it will be. */
export class ChangedView implements ZoneView {
  readonly #base: ZoneView;
  /** By row; undefined for what is taken away. */
  readonly #changes = new Map<
    string,
    { readonly key: OrderKey; readonly type: RRType; readonly after: SignedRRset | undefined }
  >();

  constructor(base: ZoneView) {
    this.#base = base;
  }

  set(key: OrderKey, type: RRType, after: SignedRRset | undefined): void {
    this.#changes.set(rowName(key, type), { key, type, after });
  }

  async rrsetsAt(key: OrderKey): Promise<readonly SignedRRset[]> {
    const kept = (await this.#base.rrsetsAt(key)).filter(({ rrset }) => !this.#changes.has(rowName(key, rrset.type)));
    const put = [...this.#changes.values()].flatMap((change) =>
      change.key === key && change.after !== undefined ? [change.after] : [],
    );
    return [...kept, ...put].toSorted((left, right) => left.rrset.type - right.rrset.type);
  }

  async hasBelow(key: OrderKey): Promise<boolean> {
    for (const change of this.#changes.values()) {
      if (change.after !== undefined && isBelow(change.key, key)) return true;
    }
    if (![...this.#changes.values()].some((change) => isBelow(change.key, key))) return this.#base.hasBelow(key);
    return (await this.ownersBelow(key)).length > 0;
  }

  async ownersBelow(key: OrderKey): Promise<readonly OwnerTypes[]> {
    const owners = new Map((await this.#base.ownersBelow(key)).map((owner) => [owner.key, owner]));
    for (const change of this.#changes.values()) {
      if (!isBelow(change.key, key)) continue;
      const [owner] = groupByOwner(await this.rrsetsAt(change.key));
      if (owner === undefined) owners.delete(change.key);
      else owners.set(change.key, owner);
    }
    return [...owners.values()].toSorted((left, right) => (left.key < right.key ? -1 : 1));
  }
}

function isBelow(key: OrderKey, ancestor: OrderKey): boolean {
  return key !== ancestor && key.startsWith(ancestor);
}
