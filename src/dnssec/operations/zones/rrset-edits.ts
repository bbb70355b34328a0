import { randomUUID } from 'node:crypto';
import { canonicalName, type CanonicalName, type Name, type OrderKey, orderKeyOf } from '#dns/name.ts';
import { canonicalRdata } from '#dns/rdata/rdata.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord, RRset } from '#dns/rrset.ts';
import { formatRecordValue } from '#dnssec/core/managed/record-values.ts';
import { relativeName } from '#dnssec/operations/zones/relative-name.ts';
import type { ContentEdit } from '#dnssec/operations/zones/content-edits.ts';
import type { RecordContent, StoredRRset, StoredZoneView } from '#dnssec/ports-zones.ts';

/** What the API shows of an RRset that came as records and not as values. @param now milliseconds since the epoch */
export function contentOfRRset(
  { owner, type, rdatas }: RRset,
  before: RecordContent | undefined,
  apex: CanonicalName,
  now: number,
): RecordContent {
  const values = rdatas.map((rdata) => formatRecordValue(type, rdata));
  return before === undefined
    ? { identity: `dnsr-${randomUUID()}`, name: relativeName(owner, apex), values, createdAt: now }
    : { ...before, values, updatedAt: now };
}

/** An RRset on its way to the next version. RDATA are named by their canonical form. */
export interface OpenRRset {
  readonly owner: Name;
  readonly type: RRType;
  readonly ttl: number;
  readonly rdatas: ReadonlyMap<Rdata, Rdata>;
}

interface Row extends OpenRRset {
  ttl: number;
  readonly rdatas: Map<Rdata, Rdata>;
  readonly content: RecordContent | undefined;
  isChanged: boolean;
}

/** RRsets of a zone that are changed record by record. */
export class RRsetEdits {
  readonly #view: Pick<StoredZoneView, 'rrsetsAt'>;
  readonly #apex: CanonicalName;
  readonly #owners = new Map<OrderKey, Map<RRType, Row>>();

  constructor(view: Pick<StoredZoneView, 'rrsetsAt'>, apex: CanonicalName) {
    this.#view = view;
    this.#apex = apex;
  }

  /** The RRsets of an owner as they are by now, without those that have become empty. */
  async at(owner: Name): Promise<readonly OpenRRset[]> {
    return [...(await this.#at(owner)).values()].filter(({ rdatas }) => rdatas.size > 0);
  }

  /** Add a record, in place of an equal one; its TTL becomes that of the RRset. @returns whether there was none such */
  async add({ owner, type, ttl, rdata }: ResourceRecord): Promise<boolean> {
    const rows = await this.#at(owner);
    const row = rows.get(type) ?? { owner, type, ttl, rdatas: new Map(), content: undefined, isChanged: false };
    rows.set(type, row);
    const name = canonicalRdata(type, rdata);
    const isNew = !row.rdatas.has(name);
    if (isNew || row.ttl !== ttl || row.rdatas.get(name) !== rdata) row.isChanged = true;
    row.rdatas.set(name, rdata);
    row.ttl = ttl;
    return isNew;
  }

  /** Take a record away. @returns whether it was there */
  async remove(owner: Name, type: RRType, rdata: Rdata): Promise<boolean> {
    const row = (await this.#at(owner)).get(type);
    const wasThere = row?.rdatas.delete(canonicalRdata(type, rdata)) ?? false;
    if (row !== undefined && wasThere) row.isChanged = true;
    return wasThere;
  }

  /** Take an RRset away. */
  async clear(owner: Name, type: RRType): Promise<void> {
    const row = (await this.#at(owner)).get(type);
    if (row === undefined || row.rdatas.size === 0) return;
    row.rdatas.clear();
    row.isChanged = true;
  }

  /** @param now milliseconds since the epoch */
  compose(now: number): ContentEdit[] {
    const changed = [...this.#owners.values()].flatMap((rows) => [...rows.values()]).filter((row) => row.isChanged);
    return changed.map(({ owner, type, ttl, rdatas, content }) => {
      if (rdatas.size === 0) return { owner, type, after: undefined };
      const rrset = { owner, type, ttl, rdatas: [...rdatas.values()] };
      if (type === rrTypes.SOA) return { owner, type, after: { rrset } };
      return { owner, type, after: { rrset, content: contentOfRRset(rrset, content, this.#apex, now) } };
    });
  }

  async #at(owner: Name): Promise<Map<RRType, Row>> {
    const key = orderKeyOf(canonicalName(owner));
    let rows = this.#owners.get(key);
    if (rows === undefined) {
      rows = new Map((await this.#view.rrsetsAt(key)).map((stored) => [stored.rrset.type, rowOf(stored)]));
      this.#owners.set(key, rows);
    }
    return rows;
  }
}

/** Name servers that nobody wrote stand in for those that somebody writes, and do not stay beside them. */
function rowOf({ rrset: { owner, type, ttl, rdatas }, content }: StoredRRset): Row {
  const isStandIn = type === rrTypes.NS && content === undefined;
  const named = rdatas.map((rdata): [Rdata, Rdata] => [canonicalRdata(type, rdata), rdata]);
  return { owner, type, ttl, rdatas: new Map(isStandIn ? [] : named), content, isChanged: false };
}
