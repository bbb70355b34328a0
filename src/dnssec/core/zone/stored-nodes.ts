import { OctetStore, type OctetStoreParts } from '#lib/octet-store.ts';
import { type Octets, readUint16, readUint32, sliceOctets, writeOctets } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, type Name, nameLengthAt, type OrderKey } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import type { SignatureRecord, ZoneNode, ZoneNodes } from '#dnssec/core/zone/zone.ts';

/** An owner, the RRsets in ascending order of type, and the RRSIGs. */
export type NodeContents = Pick<ZoneNode, 'owner' | 'rrsets' | 'rrsigs'>;

/** Octets of a record before its RDATA: type, TTL, length. */
const recordHead = 8;

/** Keeps the contents of nodes as octets, since a zone of a million names as objects takes gigabytes. */
export class NodeStore {
  readonly #store: OctetStore;

  constructor(store = new OctetStore()) {
    this.#store = store;
  }

  toParts(): OctetStoreParts {
    return this.#store.toParts();
  }

  /** Keep a node. @returns its number */
  add(node: NodeContents): number {
    return this.#store.addWritten(octetsOfNode(node), (block, at) => writeNode(node, block, at));
  }

  /** Return a store of some of the nodes, in the order of their numbers here. */
  inOrder(numbers: Uint32Array): NodeStore {
    return new NodeStore(this.#store.inOrder(numbers));
  }

  /** Return what reads the octets of nodes one after the other, by their numbers. */
  reader(): (number: number) => Octets {
    return this.#store.reader();
  }

  /** Return the types of a node, ascending, without RRSIG: no more is read than they take. */
  typesOf(number: number): RRType[] {
    const [block, start] = this.#store.placeOf(number);
    const end = start + this.#store.lengthOf(number);
    let at = start;
    for (let length = block[at] as number; length > 0; length = block[at] as number) at += 1 + length;
    const types: RRType[] = [];
    for (at += 1; at < end; at += recordHead + uint16At(block, at + 6)) {
      const type = uint16At(block, at);
      if (type !== rrTypes.RRSIG && type !== types.at(-1)) types.push(type);
    }
    return types;
  }

  /** Return a node by its number. */
  get(number: number): NodeContents {
    return parseNode(this.#store.get(number));
  }

  /** Return the octets of a node by its number. */
  octetsOf(number: number): Octets {
    return this.#store.get(number);
  }
}

function octetsOfNode({ owner, rrsets, rrsigs }: NodeContents): number {
  let length = owner.length;
  for (const { rdatas } of rrsets) for (const rdata of rdatas) length += recordHead + rdata.length;
  for (const { rdata } of rrsigs) length += recordHead + rdata.length;
  return length;
}

function writeNode({ owner, rrsets, rrsigs }: NodeContents, block: Uint8Array, start: number): void {
  let at = writeOctets(block, owner, start);
  for (const { type, ttl, rdatas } of rrsets) for (const rdata of rdatas) at = writeRecord(block, at, type, ttl, rdata);
  for (const { ttl, rdata } of rrsigs) at = writeRecord(block, at, rrTypes.RRSIG, ttl, rdata);
}

function writeRecord(block: Uint8Array, at: number, type: number, ttl: number, rdata: Rdata): number {
  block[at] = type >>> 8;
  block[at + 1] = type;
  block[at + 2] = ttl >>> 24;
  block[at + 3] = ttl >>> 16;
  block[at + 4] = ttl >>> 8;
  block[at + 5] = ttl;
  block[at + 6] = rdata.length >>> 8;
  block[at + 7] = rdata.length;
  return writeOctets(block, rdata, at + recordHead);
}

function uint16At(block: Uint8Array, at: number): number {
  return ((block[at] as number) << 8) | (block[at + 1] as number);
}

function parseNode(octets: Octets): NodeContents {
  const owner = ownerIn(octets);
  return { owner, ...parseRecords(octets, owner) };
}

function ownerIn(octets: Octets): Name {
  return sliceOctets(octets, 0, nameLengthAt(octets, 0)) as Name;
}

/** Parse what stands behind the owner. */
function parseRecords(octets: Octets, owner: Name): Omit<NodeContents, 'owner'> {
  const rrsets: RRset[] = [];
  const rrsigs: SignatureRecord[] = [];
  let rdatas: Rdata[] = [];
  let lastType = -1;
  for (let position = owner.length; position < octets.length;) {
    const type = readUint16(octets, position);
    const ttl = readUint32(octets, position + 2);
    const start = position + recordHead;
    position = start + readUint16(octets, position + 6);
    const rdata = sliceOctets(octets, start, position) as Rdata;
    if (type === rrTypes.RRSIG) {
      rrsigs.push({ ttl, rdata });
    } else if (type === lastType) {
      rdatas.push(rdata);
    } else {
      rdatas = [rdata];
      rrsets.push({ owner, type, ttl, rdatas });
      lastType = type;
    }
  }
  return { rrsets, rrsigs };
}

/** Parse no more of what stands behind the owner than types take. */
function parseTypes(octets: Octets, owner: Name): RRType[] {
  const types: RRType[] = [];
  for (let at = owner.length; at < octets.length; at += recordHead + readUint16(octets, at + 6)) {
    const type = readUint16(octets, at);
    if (type !== rrTypes.RRSIG && type !== types.at(-1)) types.push(type);
  }
  return types;
}

/** Nodes in a form that another thread can be handed. */
export interface StoredNodesParts {
  readonly nodes: OctetStoreParts;
  readonly keys: OctetStoreParts;
  /** What is handed over, and not copied. */
  readonly buffers: readonly ArrayBuffer[];
}

/** The nodes of a store in canonical order, each made when it is asked for. */
export class StoredNodes implements ZoneNodes {
  readonly length: number;
  readonly #store: NodeStore;
  readonly #keys: OctetStore;

  /**
   * @param store nodes in canonical order
   * @param keys theirs
   */
  constructor(store: NodeStore, keys: OctetStore) {
    this.length = keys.length;
    this.#store = store;
    this.#keys = keys;
  }

  /** Return what the nodes are made of, to be handed to another thread; there are none here then. */
  toParts(): StoredNodesParts {
    const [nodes, keys] = [this.#store.toParts(), this.#keys.toParts()];
    return { nodes, keys, buffers: [...nodes.buffers, ...keys.buffers] };
  }

  static fromParts({ nodes, keys }: StoredNodesParts): StoredNodes {
    return new StoredNodes(new NodeStore(OctetStore.fromParts(nodes)), OctetStore.fromParts(keys));
  }

  at(index: number): ZoneNode | undefined {
    return index >= this.length ? undefined : new StoredNode(this.#store.octetsOf(index), this.#keys.get(index));
  }

  compareKeyAt(index: number, key: OrderKey): number {
    return this.#keys.compareTo(index, key as string as Octets);
  }

  typesAt(index: number): RRType[] {
    return this.#store.typesOf(index);
  }

  *[Symbol.iterator](): Generator<ZoneNode> {
    const [nodeAt, keyAt] = [this.#store.reader(), this.#keys.reader()];
    for (let index = 0; index < this.length; index++) yield new StoredNode(nodeAt(index), keyAt(index));
  }
}

/** A node that is made of its octets as far as somebody asks: most of those who walk a zone look at few RDATA. */
class StoredNode implements ZoneNode {
  readonly owner: Name;
  readonly canonicalOwner: CanonicalName;
  readonly key: OrderKey;
  readonly #octets: Octets;
  #records: Omit<NodeContents, 'owner'> | undefined;
  #types: readonly RRType[] | undefined;

  constructor(octets: Octets, key: Octets) {
    this.owner = ownerIn(octets);
    this.canonicalOwner = canonicalName(this.owner);
    this.key = key as string as OrderKey;
    this.#octets = octets;
  }

  get rrsets(): readonly RRset[] {
    return (this.#records ??= parseRecords(this.#octets, this.owner)).rrsets;
  }

  get rrsigs(): readonly SignatureRecord[] {
    return (this.#records ??= parseRecords(this.#octets, this.owner)).rrsigs;
  }

  get types(): readonly RRType[] {
    return (this.#types ??= parseTypes(this.#octets, this.owner));
  }
}
