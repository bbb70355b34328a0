import {
  canonicalName,
  type CanonicalName,
  formatName,
  isWithin,
  type Name,
  type OrderKey,
  orderKeyOf,
} from '#dns/name.ts';
import { OctetStore } from '#lib/octet-store.ts';
import type { Octets } from '#lib/octets.ts';
import { sortedIndexes } from '#lib/sorted-indexes.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { canonicalRdata } from '#dns/rdata/rdata.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import { NodeStore, StoredNodes } from '#dnssec/core/zone/stored-nodes.ts';
import type { SignatureRecord, Zone } from '#dnssec/core/zone/zone.ts';

/** A zone that is kept as octets. */
export interface StoredZone extends Zone {
  readonly nodes: StoredNodes;
  readonly rrsetCount: number;
}

interface OpenRRset {
  readonly owner: Name;
  readonly type: RRType;
  ttl: number;
  readonly rdatas: Rdata[];
  /** The canonical forms of all RDATA, once there are many. */
  known?: Set<Rdata>;
}

/** A node that records are being added to. */
interface OpenNode {
  readonly owner: Name;
  readonly key: OrderKey;
  readonly rrsets: OpenRRset[];
  readonly rrsigs: SignatureRecord[];
  /** The RRsets by type, once there are many. */
  byType?: Map<RRType, OpenRRset>;
}

/** More than this are not searched one by one: a zone of a hostile shape must not take the square of its size. */
const many = 16;

/** Gathers records, in any order, into a zone. */
export class ZoneBuilder {
  readonly faults: ZoneFault[] = [];
  readonly #apex: CanonicalName;
  readonly #apexKey: OrderKey;
  readonly #leaveOut: ReadonlySet<RRType>;
  readonly #leaveOutOfApex: ReadonlySet<RRType>;
  #store = new NodeStore();
  /** Keys of the stored nodes by number; an owner whose records do not come together has several. */
  #keys = new OctetStore();
  #rrsetCount = 0;
  #open: OpenNode | undefined;

  /**
   * @param leaveOut types that are dropped without a word
   * @param leaveOutOfApex types that are dropped where they stand at the apex
   */
  constructor(
    apex: CanonicalName,
    leaveOut: ReadonlySet<RRType> = new Set(),
    leaveOutOfApex: ReadonlySet<RRType> = new Set(),
  ) {
    this.#apex = apex;
    this.#apexKey = orderKeyOf(apex);
    this.#leaveOut = leaveOut;
    this.#leaveOutOfApex = leaveOutOfApex;
  }

  /** Add records. Records outside the zone, repeated ones and differing TTLs become faults. */
  add(records: Iterable<ResourceRecord>): void {
    for (const record of records) {
      const node = this.#nodeOf(record.owner);
      if (node === undefined) {
        this.faults.push({
          severity: 'error',
          code: 'out-of-zone',
          owner: record.owner,
          type: record.type,
          message: `is not within ${formatName(this.#apex)}`,
        });
      } else if (!this.#isLeftOut(node, record.type)) {
        this.#addTo(node, record);
      }
    }
  }

  #isLeftOut({ key }: OpenNode, type: RRType): boolean {
    return this.#leaveOut.has(type) || (this.#leaveOutOfApex.has(type) && key === this.#apexKey);
  }

  #nodeOf(owner: Name): OpenNode | undefined {
    if (this.#open?.owner === owner) return this.#open;
    const canonicalOwner = canonicalName(owner);
    if (!isWithin(canonicalOwner, this.#apex)) return undefined;
    const key = orderKeyOf(canonicalOwner, this.#apex, this.#apexKey);
    if (this.#open?.key === key) return this.#open;
    this.#close();
    this.#open = { owner, key, rrsets: [], rrsigs: [] };
    return this.#open;
  }

  #addTo(node: OpenNode, { type, ttl, rdata }: Omit<ResourceRecord, 'owner'>): void {
    if (type === rrTypes.RRSIG) {
      node.rrsigs.push({ ttl, rdata });
      return;
    }
    const found = findOpen(node, type);
    if (found !== undefined) {
      this.#merge(found, ttl, rdata);
      return;
    }
    const rrset: OpenRRset = { owner: node.owner, type, ttl, rdatas: [rdata] };
    node.rrsets.push(rrset);
    node.byType?.set(type, rrset);
  }

  #merge(rrset: OpenRRset, ttl: number, rdata: Rdata): void {
    if (rrset.ttl !== ttl) {
      this.faults.push({
        severity: 'warning',
        code: 'ttl-mismatch',
        owner: rrset.owner,
        type: rrset.type,
        message: `has records with TTLs ${rrset.ttl} and ${ttl}; the smaller one is taken`,
      });
      rrset.ttl = Math.min(rrset.ttl, ttl);
    }
    addRdata(rrset, rdata);
  }

  /** Put the open node into the store, if it holds anything. */
  #close(): void {
    const node = this.#open;
    this.#open = undefined;
    if (node === undefined || (node.rrsets.length === 0 && node.rrsigs.length === 0)) return;
    this.#keep(node);
    this.#keys.add(node.key as string as Octets);
  }

  #keep(node: OpenNode): number {
    if (node.rrsets.length > 1) node.rrsets.sort((left, right) => left.type - right.type);
    this.#rrsetCount += node.rrsets.length;
    return this.#store.add(node);
  }

  /** Make one node of several with the same owner. @returns its number */
  #join(numbers: Uint32Array): number {
    const parts = Array.from(numbers, (number) => this.#store.get(number));
    const { owner } = parts[0] as OpenNode;
    const joined: OpenNode = { owner, key: orderKeyOf(canonicalName(owner)), rrsets: [], rrsigs: [] };
    for (const { rrsets, rrsigs } of parts) {
      this.#rrsetCount -= rrsets.length;
      for (const { type, ttl, rdatas } of rrsets) for (const rdata of rdatas) this.#addTo(joined, { type, ttl, rdata });
      for (const rrsig of rrsigs) joined.rrsigs.push(rrsig);
    }
    return this.#keep(joined);
  }

  /** Return the zone and forget it. */
  build(): StoredZone {
    this.#close();
    const keys = this.#keys;
    const order = sortedIndexes(keys, this.#apexKey.length);
    /** Of the nodes in canonical order, and of one that has the key of each. */
    const [numbers, keyNumbers] = [new Uint32Array(order.length), new Uint32Array(order.length)];
    let count = 0;
    for (let start = 0, end = 1; start < order.length; start = end++) {
      const number = order[start] as number;
      while (end < order.length && keys.areEqual(order[end] as number, number)) end++;
      numbers[count] = end === start + 1 ? number : this.#join(order.subarray(start, end));
      keyNumbers[count++] = number;
    }
    const nodes = new StoredNodes(
      this.#store.inOrder(numbers.subarray(0, count)),
      keys.inOrder(keyNumbers.subarray(0, count)),
    );
    const zone = { apex: this.#apex, nodes, rrsetCount: this.#rrsetCount };
    this.#store = new NodeStore();
    this.#keys = new OctetStore();
    this.#rrsetCount = 0;
    return zone;
  }
}

function findOpen(node: OpenNode, type: RRType): OpenRRset | undefined {
  if (node.rrsets.length < many) return node.rrsets.find((rrset) => rrset.type === type);
  node.byType ??= new Map(node.rrsets.map((rrset) => [rrset.type, rrset]));
  return node.byType.get(type);
}

/** Add RDATA unless it is there, as far as the canonical form tells. Source: RFC 4034 §6.3, RFC 2181 §5. */
function addRdata(rrset: OpenRRset, rdata: Rdata): void {
  const { type, rdatas } = rrset;
  const canonical = canonicalRdata(type, rdata);
  if (rdatas.length < many) {
    if (!rdatas.some((other) => canonicalRdata(type, other) === canonical)) rdatas.push(rdata);
    return;
  }
  rrset.known ??= new Set(rdatas.map((other) => canonicalRdata(type, other)));
  if (rrset.known.has(canonical)) return;
  rrset.known.add(canonical);
  rdatas.push(rdata);
}
