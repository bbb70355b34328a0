import type { Octets } from '#lib/octets.ts';
import type { CanonicalName, Name, OrderKey } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ChainLink, ChainView } from '#dnssec/core/change/zone-view.ts';

/** How links of a kind of denial are made. */
export interface LinkMaker {
  placeOf(owner: CanonicalName, key: OrderKey): Octets;
  /** Owner of the NSEC or NSEC3 record at a place. @param owner the name it speaks of, letter case as published */
  linkOwner(place: Octets, owner: Name): Name;
  compose(next: Target, types: readonly RRType[]): Rdata;
  withNext(rdata: Rdata, next: Target): Rdata;
}

/** What a link points to. */
export type Target = Pick<ChainLink, 'place' | 'owner'>;

/** A name that is due a link with a bitmap of these types. */
export interface DueLink {
  readonly owner: Name;
  readonly canonicalOwner: CanonicalName;
  readonly key: OrderKey;
  readonly types: readonly RRType[];
}

/** What a change does to the chain; places are those of links that were or are there. */
export interface ChainEdits {
  readonly removed: readonly ChainLink[];
  /** New links and links whose RDATA changed. */
  readonly written: readonly ChainLink[];
}

/**
 * Collects what a change does to the chain of denial: names that gain, lose or change a link. Only those links and the
 * ones before them are written anew.
 */
export class ChainEditor {
  readonly #chain: ChainView;
  readonly #maker: LinkMaker;
  readonly #due = new Map<Octets, DueLink>();
  readonly #removed = new Map<Octets, ChainLink>();
  readonly #changed = new Map<OrderKey, boolean>();
  /** Places of the links that are due, in order; made when all are known. */
  #places: readonly Octets[] = [];

  constructor(chain: ChainView, maker: LinkMaker) {
    this.#chain = chain;
    this.#maker = maker;
  }

  /** Say that a name has a link with these types. @throws DnssecError zone-invalid when two names have one hash */
  async put(due: DueLink): Promise<void> {
    const place = this.#maker.placeOf(due.canonicalOwner, due.key);
    const there = this.#due.get(place)?.key ?? (await this.#chain.findLink(place))?.nameKey;
    if (there !== undefined && there !== due.key && !this.#removed.has(place))
      throw new DnssecError('zone-invalid', 'two names of the zone have the same NSEC3 hash: use a salt');
    this.#removed.delete(place);
    this.#due.set(place, due);
    this.#changed.set(due.key, true);
  }

  /** Say that a name has no link. */
  async remove(owner: CanonicalName, key: OrderKey): Promise<void> {
    const place = this.#maker.placeOf(owner, key);
    this.#due.delete(place);
    const link = await this.#chain.findLink(place);
    if (link !== undefined && link.nameKey === key) this.#removed.set(place, link);
    this.#changed.set(key, false);
  }

  /** Tell whether any name below has a link after the change. */
  async hasNameBelow(key: OrderKey): Promise<boolean> {
    let gone = 0;
    for (const [name, isThere] of this.#changed) {
      if (name === key || !name.startsWith(key)) continue;
      if (isThere) return true;
      gone += 1;
    }
    const names = await this.#chain.namesBelow(key, gone + 1);
    return names.some((name) => this.#changed.get(name) !== false);
  }

  /** Return the links that are to be removed and written. */
  async finish(): Promise<ChainEdits> {
    this.#places = [...this.#due.keys()].toSorted((left, right) => (left < right ? -1 : 1));
    const touched = new Map<Octets, ChainLink | DueLink>(this.#due);
    for (const place of [...this.#due.keys(), ...this.#removed.keys()]) {
      if (await this.#staysWhereItWas(place)) continue;
      const before = await this.#before(place);
      if (before !== undefined && !touched.has(before.place)) touched.set(before.place, before);
    }
    const written: ChainLink[] = [];
    for (const [place, link] of touched) {
      const next = await this.#after(place);
      if ('types' in link) {
        const owner = this.#maker.linkOwner(place, link.owner);
        written.push({ place, nameKey: link.key, owner, rdata: this.#maker.compose(next, link.types) });
      } else {
        written.push({ ...link, rdata: this.#maker.withNext(link.rdata, next) });
      }
    }
    const changed: ChainLink[] = [];
    for (const link of written) {
      const stored = await this.#chain.findLink(link.place);
      if (stored?.rdata !== link.rdata || stored.owner !== link.owner) changed.push(link);
    }
    return { removed: [...this.#removed.values()], written: changed };
  }

  /** Tell whether what points to a place can stay as it is: the place has a link before and after, of the same owner. */
  async #staysWhereItWas(place: Octets): Promise<boolean> {
    const due = this.#due.get(place);
    if (due === undefined) return false;
    return (await this.#chain.findLink(place))?.owner === this.#maker.linkOwner(place, due.owner);
  }

  /** The stored link before a place, around the beginning, that stays; undefined when what comes before is new itself. */
  async #before(place: Octets): Promise<ChainLink | undefined> {
    const skip = (link: ChainLink | undefined) => this.#skip(link, (at) => this.#chain.linkBefore(at));
    const isRoundTheBeginning = async () => skip(await this.#chain.lastLink());
    let stored = await skip(await this.#chain.linkBefore(place));
    let due = this.#places[countBelow(this.#places, place) - 1];
    if (stored === undefined && due === undefined) {
      stored = await isRoundTheBeginning();
      due = this.#places.at(-1);
    }
    if (stored === undefined || (due !== undefined && due >= stored.place)) return undefined;
    return stored;
  }

  /** What the link at a place points to. */
  async #after(place: Octets): Promise<Target> {
    const skip = (link: ChainLink | undefined) => this.#skip(link, (at) => this.#chain.linkAfter(at));
    let stored: ChainLink | undefined = await skip(await this.#chain.linkAfter(place));
    const at = countBelow(this.#places, place);
    let due = this.#places[this.#places[at] === place ? at + 1 : at];
    if (stored === undefined && due === undefined) {
      stored = await skip(await this.#chain.firstLink());
      due = this.#places[0];
    }
    if (due !== undefined && (stored === undefined || due <= stored.place)) {
      const { owner } = this.#due.get(due) as DueLink;
      return { place: due, owner: this.#maker.linkOwner(due, owner) };
    }
    if (stored === undefined) throw new DnssecError('zone-invalid', 'the chain of denial would be empty');
    return stored;
  }

  async #skip(
    link: ChainLink | undefined,
    further: (place: Octets) => Promise<ChainLink | undefined>,
  ): Promise<ChainLink | undefined> {
    let current = link;
    while (current !== undefined && this.#removed.has(current.place)) current = await further(current.place);
    return current;
  }
}

/** Count the places that come before one, in a sorted list. */
function countBelow(places: readonly Octets[], place: Octets): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle] as Octets) < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
