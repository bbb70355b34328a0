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
  /** The types of the RRsets. Absent where they are told by the RRsets in no more time. */
  readonly types?: readonly RRType[];
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
  /**
   * Compare the key of a node that there is with another: below 0, 0, or above 0. Absent where that is no less work than
   * `at`.
   */
  compareKeyAt?(index: number, key: OrderKey): number;
  /** Return the types of a node that there is, ascending, without RRSIG. Absent where that is no less work than `at`. */
  typesAt?(index: number): readonly RRType[];
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
 * Return the index of the node of a name, or -1.
 *
 * @param near index of a node that may lie close to it: the search takes the logarithm of the distance
 */
export function findNodeIndex({ nodes }: Zone, name: CanonicalName, near = 0): number {
  const key = orderKeyOf(name);
  const isBefore = (index: number) => compareKeyAt(nodes, index, key) < 0;
  let low = Math.min(near, nodes.length);
  let high = low;
  for (let step = 1; high < nodes.length && isBefore(high); step *= 2) {
    low = high + 1;
    high = Math.min(nodes.length, high + step);
  }
  for (let step = 1; low > 0 && !isBefore(low - 1); step *= 2) {
    high = low - 1;
    low = Math.max(0, low - step);
  }
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low < nodes.length && compareKeyAt(nodes, low, key) === 0 ? low : -1;
}

/** Return the types of a node, ascending, without RRSIG. */
export function typesOf(node: ZoneNode): readonly RRType[] {
  return node.types ?? node.rrsets.map(({ type }) => type);
}

/** Return the types of a node that there is, ascending, without RRSIG. */
export function typesAt(nodes: ZoneNodes, index: number): readonly RRType[] {
  return nodes.typesAt?.(index) ?? typesOf(nodes.at(index) as ZoneNode);
}

function compareKeyAt(nodes: ZoneNodes, index: number, key: OrderKey): number {
  if (nodes.compareKeyAt !== undefined) return nodes.compareKeyAt(index, key);
  const own = (nodes.at(index) as ZoneNode).key;
  return own < key ? -1 : own > key ? 1 : 0;
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

  compareKeyAt(index: number, key: OrderKey): number {
    if (index > 0) return compareKeyAt(this.#rest, this.#from + index - 1, key);
    return this.#first.key < key ? -1 : this.#first.key > key ? 1 : 0;
  }

  typesAt(index: number): readonly RRType[] {
    if (index > 0) return typesAt(this.#rest, this.#from + index - 1);
    return this.#first.rrsets.map(({ type }) => type);
  }

  *[Symbol.iterator](): Generator<ZoneNode> {
    yield this.#first;
    let index = 0;
    for (const node of this.#rest) if (index++ >= this.#from) yield node;
  }
}
