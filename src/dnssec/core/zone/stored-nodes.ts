import { OctetStore, type OctetStoreParts } from '#lib/octet-store.ts';
import { type Octets, readUint16, readUint32, sliceOctets, uint16, uint32 } from '#lib/octets.ts';
import { canonicalName, type Name, nameLengthAt, type OrderKey } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import type { SignatureRecord, ZoneNode, ZoneNodes } from '#dnssec/core/zone/zone.ts';

/** An owner, the RRsets in ascending order of type, and the RRSIGs. */
export type NodeContents = Pick<ZoneNode, 'owner' | 'rrsets' | 'rrsigs'>;

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
  add({ owner, rrsets, rrsigs }: NodeContents): number {
    let octets: string = owner;
    for (const { type, ttl, rdatas } of rrsets) for (const rdata of rdatas) octets += composeRecord(type, ttl, rdata);
    for (const { ttl, rdata } of rrsigs) octets += composeRecord(rrTypes.RRSIG, ttl, rdata);
    return this.#store.add(octets as Octets);
  }

  /** Return a node by its number. */
  get(number: number): NodeContents {
    const octets = this.#store.get(number);
    const owner = sliceOctets(octets, 0, nameLengthAt(octets, 0)) as Name;
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
    return { owner, rrsets, rrsigs };
  }
}

function composeRecord(type: number, ttl: number, rdata: Rdata): string {
  return uint16(type) + uint32(ttl) + uint16(rdata.length) + rdata;
}

/** Nodes in a form that another thread can be handed. */
export interface StoredNodesParts {
  readonly nodes: OctetStoreParts;
  readonly keys: OctetStoreParts;
  readonly numbers: Uint32Array<ArrayBuffer>;
  /** What is handed over, and not copied. */
  readonly buffers: readonly ArrayBuffer[];
}

/** The nodes of a store in canonical order, each made when it is asked for. */
export class StoredNodes implements ZoneNodes {
  readonly length: number;
  readonly #store: NodeStore;
  readonly #keys: OctetStore;
  readonly #numbers: Uint32Array<ArrayBuffer>;

  /**
   * @param keys in ascending order
   * @param numbers of the nodes with these keys
   */
  constructor(store: NodeStore, keys: OctetStore, numbers: Uint32Array<ArrayBuffer>) {
    this.length = keys.length;
    this.#store = store;
    this.#keys = keys;
    this.#numbers = numbers;
  }

  /** Return what the nodes are made of, to be handed to another thread; there are none here then. */
  toParts(): StoredNodesParts {
    const [nodes, keys] = [this.#store.toParts(), this.#keys.toParts()];
    return { nodes, keys, numbers: this.#numbers, buffers: [...nodes.buffers, ...keys.buffers, this.#numbers.buffer] };
  }

  static fromParts({ nodes, keys, numbers }: StoredNodesParts): StoredNodes {
    return new StoredNodes(new NodeStore(OctetStore.fromParts(nodes)), OctetStore.fromParts(keys), numbers);
  }

  at(index: number): ZoneNode | undefined {
    if (index >= this.length) return undefined;
    const key = this.keyAt(index);
    const { owner, rrsets, rrsigs } = this.#store.get(this.#numbers[index] as number);
    return { owner, canonicalOwner: canonicalName(owner), key, rrsets, rrsigs };
  }

  keyAt(index: number): OrderKey {
    return this.#keys.get(index) as string as OrderKey;
  }

  *[Symbol.iterator](): Generator<ZoneNode> {
    for (let index = 0; index < this.length; index++) yield this.at(index) as ZoneNode;
  }
}
