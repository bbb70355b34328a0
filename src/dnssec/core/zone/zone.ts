import {
  canonicalName,
  type CanonicalName,
  formatName,
  isWithin,
  type Name,
  type OrderKey,
  orderKeyOf,
} from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord, RRset } from '#dns/rrset.ts';
import { canonicalRdata } from '#dns/rdata/rdata.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';

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
  readonly nodes: readonly ZoneNode[];
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

interface OpenRRset {
  owner: Name;
  type: RRType;
  ttl: number;
  rdatas: Rdata[];
}

interface OpenNode {
  owner: Name;
  canonicalOwner: CanonicalName;
  key: OrderKey;
  rrsets: OpenRRset[];
  rrsigs: SignatureRecord[];
}

const noSignatures: SignatureRecord[] = [];

/** Gathers records, in any order, into a zone. */
export class ZoneBuilder {
  readonly faults: ZoneFault[] = [];
  readonly #apex: CanonicalName;
  readonly #leaveOut: ReadonlySet<RRType>;
  readonly #nodes = new Map<CanonicalName, OpenNode>();
  #last: OpenNode | undefined;

  /** @param leaveOut types that are dropped without a word */
  constructor(apex: CanonicalName, leaveOut: ReadonlySet<RRType> = new Set()) {
    this.#apex = apex;
    this.#leaveOut = leaveOut;
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
      } else if (!this.#leaveOut.has(record.type)) {
        this.#addTo(node, record);
      }
    }
  }

  #nodeOf(owner: Name): OpenNode | undefined {
    if (this.#last?.owner === owner) return this.#last;
    const canonicalOwner = canonicalName(owner);
    let node = this.#nodes.get(canonicalOwner);
    if (node === undefined) {
      if (!isWithin(canonicalOwner, this.#apex)) return undefined;
      node = { owner, canonicalOwner, key: orderKeyOf(canonicalOwner), rrsets: [], rrsigs: noSignatures };
      this.#nodes.set(canonicalOwner, node);
    }
    this.#last = node;
    return node;
  }

  #addTo(node: OpenNode, { type, ttl, rdata }: ResourceRecord): void {
    if (type === rrTypes.RRSIG) {
      if (node.rrsigs === noSignatures) node.rrsigs = [];
      node.rrsigs.push({ ttl, rdata });
      return;
    }
    for (const rrset of node.rrsets) {
      if (rrset.type === type) {
        this.#merge(rrset, ttl, rdata);
        return;
      }
    }
    node.rrsets.push({ owner: node.owner, type, ttl, rdatas: [rdata] });
  }

  #merge(rrset: OpenRRset, ttl: number, rdata: Rdata): void {
    const canonical = canonicalRdata(rrset.type, rdata);
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
    if (!rrset.rdatas.some((other) => canonicalRdata(rrset.type, other) === canonical)) rrset.rdatas.push(rdata);
  }

  /** Return the zone and forget it. */
  build(): Zone {
    const nodes: OpenNode[] = [];
    for (const node of this.#nodes.values()) {
      if (node.rrsets.length > 1) node.rrsets.sort((left, right) => left.type - right.type);
      if (node.rrsets.length > 0 || node.rrsigs.length > 0) nodes.push(node);
    }
    this.#nodes.clear();
    this.#last = undefined;
    return { apex: this.#apex, nodes: sortByKey(nodes) };
  }
}

function sortByKey<Node extends { readonly key: OrderKey }>(nodes: Node[]): Node[] {
  return nodes.toSorted((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
}

/** Return a node's RRset of a type. */
export function findRRset(node: ZoneNode | undefined, type: RRType): RRset | undefined {
  return node?.rrsets.find((rrset) => rrset.type === type);
}

/** Return the apex node; a zone whose apex holds nothing has none. */
export function findApex(zone: Zone): ZoneNode | undefined {
  const first = zone.nodes[0];
  return first?.canonicalOwner === zone.apex ? first : undefined;
}

/** Return the zone with RRsets put at its apex, in place of those of the same types. */
export function withApexRRsets(zone: Zone, rrsets: readonly RRset[]): Zone {
  const apexNode = findApex(zone);
  const replaced = new Set(rrsets.map((rrset) => rrset.type));
  const kept = apexNode?.rrsets.filter((rrset) => !replaced.has(rrset.type)) ?? [];
  const node: ZoneNode = {
    owner: apexNode?.owner ?? zone.apex,
    canonicalOwner: zone.apex,
    key: orderKeyOf(zone.apex),
    rrsets: [...kept, ...rrsets].toSorted((left, right) => left.type - right.type),
    rrsigs: apexNode?.rrsigs ?? noSignatures,
  };
  return { apex: zone.apex, nodes: [node, ...zone.nodes.slice(apexNode === undefined ? 0 : 1)] };
}
