import { type CanonicalName, type Name, type OrderKey, orderKeyOf } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';

/** An owner name and its RRsets. */
export interface ZoneNode {
  /** Letter case as in the first record. */
  readonly owner: Name;
  readonly canonicalOwner: CanonicalName;
  readonly key: OrderKey;
  /** In ascending order of type, without RRSIGs. */
  readonly rrsets: readonly RRset[];
  /** Each with the TTL of its own, which follows what it covers. Source: RFC 4034 §3. */
  readonly rrsigs: readonly SignatureRecord[];
}

/** An RRSIG record at some owner. */
export interface SignatureRecord {
  /** Seconds. */
  readonly ttl: number;
  readonly rdata: Rdata;
}

/** The contents of a zone, nodes in canonical order. Source: RFC 4034 §6.1. */
export interface Zone {
  readonly apex: CanonicalName;
  readonly nodes: ZoneNodes;
}

/** Nodes in a list: an array of them, or something that makes each one when it is asked for it. */
export interface ZoneNodes extends Iterable<ZoneNode> {
  readonly length: number;
  /** Return a node by its index; undefined beyond the last one. */
  at(index: number): ZoneNode | undefined;
  /** Return the key of a node that there is; absent where that is no less work than `at`. */
  keyAt?(index: number): OrderKey;
}

/**
 * What signing makes anew and therefore takes out of its input. Input that was signed before is welcome.
 *
 * Source: RFC 4035 §2.
 */
export const madeBySigning: ReadonlySet<RRType> = new Set([
  rrTypes.RRSIG,
  rrTypes.NSEC,
  rrTypes.NSEC3,
  rrTypes.NSEC3PARAM,
  rrTypes.ZONEMD,
]);

/** Return a node's RRset of a type. */
export function findRRset(node: ZoneNode | undefined, type: RRType): RRset | undefined {
  return node?.rrsets.find((rrset) => rrset.type === type);
}

/** Return the apex node; a zone whose apex holds nothing has none. */
export function findApex(zone: Zone): ZoneNode | undefined {
  const first = zone.nodes.at(0);
  return first?.canonicalOwner === zone.apex ? first : undefined;
}

/**
 * Return the node of a name.
 *
 * @param near index of a node that may lie close to it: the search takes the logarithm of the distance
 */
export function findNode({ nodes }: Zone, name: CanonicalName, near = 0): ZoneNode | undefined {
  const key = orderKeyOf(name);
  const keyAt = (index: number) => nodes.keyAt?.(index) ?? (nodes.at(index) as ZoneNode).key;
  let low = Math.min(near, nodes.length);
  let high = low;
  for (let step = 1; high < nodes.length && keyAt(high) < key; step *= 2) {
    low = high + 1;
    high = Math.min(nodes.length, high + step);
  }
  for (let step = 1; low > 0 && keyAt(low - 1) >= key; step *= 2) {
    high = low - 1;
    low = Math.max(0, low - step);
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyAt(middle) < key) low = middle + 1;
    else high = middle;
  }
  const found = nodes.at(low);
  return found?.key === key ? found : undefined;
}

/**
 * Return the zone with RRsets put at its apex, in place of those of the same types.
 *
 * @param without types that are taken away from there
 */
export function withApexRRsets(zone: Zone, rrsets: readonly RRset[], without: ReadonlySet<RRType> = new Set()): Zone {
  const apexNode = findApex(zone);
  const replaced = new Set([...without, ...rrsets.map((rrset) => rrset.type)]);
  const kept = apexNode?.rrsets.filter((rrset) => !replaced.has(rrset.type)) ?? [];
  const node: ZoneNode = {
    owner: apexNode?.owner ?? zone.apex,
    canonicalOwner: zone.apex,
    key: orderKeyOf(zone.apex),
    rrsets: [...kept, ...rrsets].toSorted((left, right) => left.type - right.type),
    rrsigs: apexNode?.rrsigs ?? [],
  };
  return { apex: zone.apex, nodes: new NodesBehind(node, zone.nodes, apexNode === undefined ? 0 : 1) };
}

/** A node, and behind it those of a list from some index on. */
class NodesBehind implements ZoneNodes {
  readonly length: number;
  readonly #first: ZoneNode;
  readonly #rest: ZoneNodes;
  readonly #from: number;

  constructor(first: ZoneNode, rest: ZoneNodes, from: number) {
    this.#first = first;
    this.#rest = rest;
    this.#from = from;
    this.length = 1 + rest.length - from;
  }

  at(index: number): ZoneNode | undefined {
    return index === 0 ? this.#first : this.#rest.at(this.#from + index - 1);
  }

  keyAt(index: number): OrderKey {
    if (index === 0) return this.#first.key;
    const inRest = this.#from + index - 1;
    return this.#rest.keyAt?.(inRest) ?? (this.#rest.at(inRest) as ZoneNode).key;
  }

  *[Symbol.iterator](): Generator<ZoneNode> {
    for (let index = 0; index < this.length; index++) yield this.at(index) as ZoneNode;
  }
}
