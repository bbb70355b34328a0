import { canonicalName, type CanonicalName, type Name, type OrderKey, orderKeyOf, parentOf } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { RRset } from '#dns/rrset.ts';
import { ChainEditor, type ChainEdits, type LinkMaker } from '#dnssec/core/change/chain-editor.ts';
import type { ChainView, OwnerTypes, SignedRRset, ZoneView } from '#dnssec/core/change/zone-view.ts';
import { nsecTypes } from '#dnssec/core/denial/nsec.ts';
import { nsec3Types } from '#dnssec/core/denial/nsec3.ts';
import { isCover, isSigned, type Standing, standingOf } from '#dnssec/core/zone/authority.ts';

/** An RRset that is put in the place of the one with its owner and type, or taken away. */
export interface RRsetChange {
  readonly owner: Name;
  readonly type: RRType;
  readonly after: RRset | undefined;
}

/** How the zone denies the existence of names and types. */
export type DenialRules =
  | { readonly kind: 'nsec'; readonly links: LinkMaker }
  | { readonly kind: 'nsec3'; readonly links: LinkMaker; readonly optOut: boolean };

/** What follows from a change, besides the change itself. */
export interface ChangePlan {
  /** RRsets that need signatures: new ones, changed ones, and those that came out from below a cut. */
  readonly toSign: readonly SignedRRset[];
  /** RRsets that stay, but lose their signatures: they came to lie at or below a cut. */
  readonly toStrip: readonly SignedRRset[];
  readonly chain: ChainEdits;
}

/**
 * Find out what a change of some RRsets means for the rest of the zone. It looks only at the owners that changed, the
 * names above them, the names below a cut that came or went, and the neighbours in the chain of denial.
 *
 * @param after the zone as it is after the change, with the signatures that the RRsets had before
 * @param changes none twice
 */
export async function planChange(
  apex: CanonicalName,
  before: ZoneView,
  after: ZoneView,
  chain: ChainView,
  changes: readonly RRsetChange[],
  denial: DenialRules,
): Promise<ChangePlan> {
  const planner = new ChangePlanner(apex, after, new ChainEditor(chain, denial.links), denial);
  const owners = new Map<OrderKey, Name>();
  for (const { owner } of changes) {
    const canonical = canonicalName(owner);
    if (!owners.has(orderKeyOf(canonical))) owners.set(orderKeyOf(canonical), owner);
  }
  for (const [key, owner] of owners) {
    planner.touch(key, canonicalName(owner));
    const typesBefore = typesOf(await before.rrsetsAt(key));
    const typesAfter = typesOf(await after.rrsetsAt(key));
    if (isCover(typesBefore, key === planner.apexKey) === isCover(typesAfter, key === planner.apexKey)) continue;
    for (const below of await after.ownersBelow(key)) planner.touch(below.key, canonicalName(below.owner));
    for (const below of await before.ownersBelow(key)) planner.touch(below.key, canonicalName(below.owner));
  }
  const changed = new Set(changes.map(({ owner, type }) => rowName(orderKeyOf(canonicalName(owner)), type)));
  return planner.finish(changed);
}

/** Names an RRset within a zone. */
export function rowName(key: OrderKey, type: RRType): string {
  return `${type} ${key}`;
}

function typesOf(rrsets: readonly SignedRRset[]): RRType[] {
  return rrsets.map(({ rrset }) => rrset.type);
}

class ChangePlanner {
  readonly apexKey: OrderKey;
  readonly #apex: CanonicalName;
  readonly #zone: ZoneView;
  readonly #editor: ChainEditor;
  readonly #denial: DenialRules;
  readonly #touched = new Map<OrderKey, CanonicalName>();
  readonly #types = new Map<OrderKey, Promise<readonly RRType[]>>();
  readonly #toSign: SignedRRset[] = [];
  readonly #toStrip: SignedRRset[] = [];

  constructor(apex: CanonicalName, zone: ZoneView, editor: ChainEditor, denial: DenialRules) {
    this.#apex = apex;
    this.apexKey = orderKeyOf(apex);
    this.#zone = zone;
    this.#editor = editor;
    this.#denial = denial;
  }

  /** A name whose standing may be another now, and with it that of the empty non-terminals above it. */
  touch(key: OrderKey, name: CanonicalName): void {
    for (
      let current: CanonicalName | undefined = name;
      current !== undefined && current.length >= this.#apex.length;
      current = parentOf(current)
    ) {
      const at = current === name ? key : orderKeyOf(current);
      if (this.#touched.has(at)) return;
      this.#touched.set(at, current);
    }
  }

  async finish(changed: ReadonlySet<string>): Promise<ChangePlan> {
    // From below upwards: whether an empty non-terminal is due a link may depend on the links below it.
    const names = [...this.#touched].toSorted(([left], [right]) => (left < right ? 1 : left > right ? -1 : 0));
    for (const [key, name] of names) await this.#look(key, name, changed);
    return { toSign: this.#toSign, toStrip: this.#toStrip, chain: await this.#editor.finish() };
  }

  async #look(key: OrderKey, name: CanonicalName, changed: ReadonlySet<string>): Promise<void> {
    const rrsets = await this.#zone.rrsetsAt(key);
    const standing = await this.#standingOf(key, name, typesOf(rrsets));
    for (const entry of rrsets) {
      const { rrset, rrsigs } = entry;
      const mustSign = standing !== undefined && isSigned(standing, rrset.type);
      if (mustSign && (rrsigs.length === 0 || changed.has(rowName(key, rrset.type)))) this.#toSign.push(entry);
      if (!mustSign && rrsigs.length > 0) this.#toStrip.push(entry);
    }
    const types = standing === undefined ? undefined : await this.#dueTypes(key, standing, typesOf(rrsets));
    if (types === undefined) await this.#editor.remove(name, key);
    else await this.#editor.put({ owner: rrsets[0]?.rrset.owner ?? name, canonicalOwner: name, key, types });
  }

  /** Undefined for names that are not there. */
  async #standingOf(key: OrderKey, name: CanonicalName, types: readonly RRType[]): Promise<Standing | undefined> {
    if (await this.#isOccluded(name)) return 'occluded';
    if (types.length > 0) return standingOf(types, key === this.apexKey);
    return (await this.#zone.hasBelow(key)) ? 'empty' : undefined;
  }

  async #isOccluded(name: CanonicalName): Promise<boolean> {
    for (
      let ancestor = parentOf(name);
      ancestor !== undefined && ancestor.length >= this.#apex.length;
      ancestor = parentOf(ancestor)
    ) {
      const key = orderKeyOf(ancestor);
      if (isCover(await this.#typesAt(key), key === this.apexKey)) return true;
    }
    return false;
  }

  #typesAt(key: OrderKey): Promise<readonly RRType[]> {
    let types = this.#types.get(key);
    if (types === undefined) this.#types.set(key, (types = this.#zone.rrsetsAt(key).then(typesOf)));
    return types;
  }

  /** Types of the link that a name is due, or undefined for none. Source: RFC 4034 §4, RFC 5155 §7.1. */
  async #dueTypes(key: OrderKey, standing: Standing, types: readonly RRType[]): Promise<RRType[] | undefined> {
    if (standing === 'occluded') return undefined;
    if (this.#denial.kind === 'nsec') return standing === 'empty' ? undefined : nsecTypes(standing, types);
    const { optOut } = this.#denial;
    if (standing === 'empty') return !optOut || (await this.#editor.hasNameBelow(key)) ? [] : undefined;
    return optOut && standing === 'insecure-delegation' ? undefined : nsec3Types(standing, types);
  }
}

/** Owners with the types of their RRsets, of RRsets in canonical order. */
export function groupByOwner(rrsets: readonly SignedRRset[]): OwnerTypes[] {
  const owners: { owner: Name; key: OrderKey; types: RRType[] }[] = [];
  for (const { key, rrset } of rrsets) {
    const last = owners.at(-1);
    if (last?.key === key) last.types.push(rrset.type);
    else owners.push({ owner: rrset.owner, key, types: [rrset.type] });
  }
  return owners;
}
