import { OctetStore } from '#lib/octet-store.ts';
import { bytesFrom, type Octets, utf8Octets } from '#lib/octets.ts';
import type { CanonicalName, Name, OrderKey } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import { denialTtl } from '#dnssec/core/denial/nsec.ts';
import { NodeStore, StoredNodes } from '#dnssec/core/zone/stored-nodes.ts';
import type { Zone } from '#dnssec/core/zone/zone.ts';
import type { RecordContent } from '#dnssec/ports-zones.ts';

/** An RRset of a zone with what the API shows of it. */
export interface ContentEntry {
  readonly key: OrderKey;
  readonly rrset: RRset;
  readonly content?: RecordContent;
}

/** What is kept of an RRset besides its records. */
interface Extra {
  /** Where letter case differs from that of the first RRset of the owner. */
  readonly owner?: Name;
  readonly content?: RecordContent;
}

/** Extras of an owner by type. */
type Extras = Readonly<Record<RRType, Extra>>;

interface OpenOwner {
  readonly key: OrderKey;
  readonly owner: Name;
  readonly rrsets: RRset[];
  readonly extras: Record<RRType, Extra>;
}

/**
 * All RRsets of a zone in canonical order with what the API shows of each. They are kept as octets, since those of a million
 * names take gigabytes as objects.
 */
export class PackedContents {
  readonly #apex: CanonicalName;
  readonly #nodes = new NodeStore();
  readonly #keys = new OctetStore();
  readonly #extras = new OctetStore();
  #open: OpenOwner | undefined;
  #largestTtl = 0;
  #rrsetCount = 0;
  #soa: RRset | undefined;

  constructor(apex: CanonicalName) {
    this.#apex = apex;
  }

  /** Add an RRset behind those that are there: owners come in canonical order, and types of an owner ascending. */
  add({ key, rrset, content }: ContentEntry): void {
    const { owner, type, ttl } = rrset;
    const open = this.#openOwner(key, owner);
    open.rrsets.push(rrset);
    if (content !== undefined || owner !== open.owner)
      open.extras[type] = { ...(content === undefined ? {} : { content }), ...(owner === open.owner ? {} : { owner }) };
    this.#largestTtl = Math.max(this.#largestTtl, ttl);
    this.#rrsetCount++;
    if (type === rrTypes.SOA) this.#soa ??= rrset;
  }

  #openOwner(key: OrderKey, owner: Name): OpenOwner {
    if (this.#open?.key === key) return this.#open;
    this.#close();
    this.#open = { key, owner, rrsets: [], extras: {} };
    return this.#open;
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    this.#nodes.add({ owner: open.owner, rrsets: open.rrsets, rrsigs: [] });
    this.#keys.add(open.key as string as Octets);
    const hasExtras = Object.keys(open.extras).length > 0;
    this.#extras.add(hasExtras ? utf8Octets(JSON.stringify(open.extras)) : ('' as Octets));
  }

  /** The zone as the rest of the signer knows it; nothing can be added any more. */
  get zone(): Zone {
    this.#close();
    return { apex: this.#apex, nodes: new StoredNodes(this.#nodes, this.#keys) };
  }

  get rrsetCount(): number {
    return this.#rrsetCount;
  }

  /** The TTLs that rollovers wait for; undefined without an SOA. */
  get ttls(): { readonly zone: number; readonly negative: number } | undefined {
    if (this.#soa === undefined) return undefined;
    const { ttl, rdatas } = this.#soa;
    return { zone: this.#largestTtl, negative: denialTtl(ttl, parseSoa(rdatas[0] as Rdata).minimum) };
  }

  /** Return what tells of RRsets of the zone how they are kept, as long as it is asked in canonical order. */
  entriesInOrder(): (key: OrderKey, rrset: RRset) => ContentEntry {
    let next = 0;
    let nextKey = this.#keyAt(0);
    let extras: Extras = {};
    let extrasKey: OrderKey | undefined;
    return (key, rrset) => {
      while (nextKey !== undefined && nextKey <= key) {
        extrasKey = nextKey;
        extras = nextKey === key ? this.#extrasAt(next) : {};
        nextKey = this.#keyAt(++next);
      }
      const { owner, content } = (extrasKey === key ? extras[rrset.type] : undefined) ?? {};
      return {
        key,
        rrset: owner === undefined ? rrset : { ...rrset, owner },
        ...(content === undefined ? {} : { content }),
      };
    };
  }

  #keyAt(index: number): OrderKey | undefined {
    return index < this.#keys.length ? (this.#keys.get(index) as string as OrderKey) : undefined;
  }

  #extrasAt(index: number): Extras {
    const octets = this.#extras.get(index);
    return octets === '' ? {} : (JSON.parse(new TextDecoder().decode(bytesFrom(octets))) as Extras);
  }
}
