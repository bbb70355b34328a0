import { createSecretKey } from 'node:crypto';
import { canonicalName, type CanonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';
import type { TsigAlgorithm, TsigKey } from '#dnssec/adapters/transfer/tsig.ts';
import type { PublishedZone, PublishedZones, ZoneDifference } from '#dnssec/ports-transfer.ts';
import { canonical } from '#test/support/dns.ts';

interface Version {
  readonly soa: ResourceRecord;
  /** By `identityOf`, without the SOA. */
  readonly records: ReadonlyMap<string, ResourceRecord>;
}

/** Name a record by its owner, type, TTL and RDATA. */
export function identityOf({ owner, type, ttl, rdata }: ResourceRecord): string {
  return `${canonicalName(owner)} ${type} ${ttl} ${rdata}`;
}

/** Zones in memory, with all their versions. */
export class MemoryZones implements PublishedZones {
  readonly #versions = new Map<CanonicalName, Version[]>();

  /** Publish a version; its SOA is one of the records. */
  publish(records: readonly ResourceRecord[]): PublishedZone {
    const soa = records.find(({ type }) => type === rrTypes.SOA);
    if (soa === undefined) throw new Error('a version needs an SOA');
    const apex = canonicalName(soa.owner);
    const others = records.filter(({ type }) => type !== rrTypes.SOA);
    const version = { soa, records: new Map(others.map((record) => [identityOf(record), record])) };
    const versions = [...(this.#versions.get(apex) ?? []), version];
    this.#versions.set(apex, versions);
    return zoneOf(apex, versions);
  }

  async findZone(apex: CanonicalName): Promise<PublishedZone | undefined> {
    const versions = this.#versions.get(apex);
    return versions && zoneOf(apex, versions);
  }
}

function zoneOf(apex: CanonicalName, versions: readonly Version[]): PublishedZone {
  const newest = versions.at(-1) as Version;
  return {
    apex,
    serial: serialOf(newest),
    soa: newest.soa,
    async *records() {
      const all = [...newest.records.values()];
      for (let start = 0; start < all.length; start += 100) yield all.slice(start, start + 100);
    },
    async differencesSince(serial) {
      const start = versions.findIndex((version) => serialOf(version) === serial);
      if (start === -1) return undefined;
      return versions.slice(start, -1).map((from, index) => differenceOf(from, versions[start + index + 1] as Version));
    },
  };
}

function differenceOf(from: Version, to: Version): ZoneDifference {
  const missing = (left: Version, right: Version) =>
    [...left.records].filter(([identity]) => !right.records.has(identity)).map(([, record]) => record);
  return { from: from.soa, removed: missing(from, to), to: to.soa, added: missing(to, from) };
}

function serialOf({ soa }: Version): number {
  return parseSoa(soa.rdata).serial;
}

/** What a secondary holds: records by `identityOf`, the SOA among them. */
export type Held = Map<string, ResourceRecord>;

/** Take in what a primary sent, as a secondary does. @throws Error when a difference does not fit what is held */
export async function applyParts(
  held: Held,
  parts: AsyncIterable<TransferPart> | Iterable<TransferPart>,
): Promise<Held> {
  let all = held;
  let isFresh = false;
  for await (const part of parts) {
    if (part.kind === 'up-to-date') return all;
    if (part.kind === 'full') {
      if (!isFresh) all = new Map([[identityOf(part.soa), part.soa]]);
      isFresh = true;
      for (const record of part.records) all.set(identityOf(record), record);
    } else {
      for (const record of [part.from, ...part.removed])
        if (!all.delete(identityOf(record)))
          throw new Error(`what is to be removed is not there: ${identityOf(record)}`);
      for (const record of [part.to, ...part.added]) all.set(identityOf(record), record);
    }
  }
  return all;
}

/** All records of a version in an order of their own, to compare. */
export async function contentOf(zone: PublishedZone): Promise<string[]> {
  const all = [identityOf(zone.soa)];
  for await (const page of zone.records()) all.push(...page.map(identityOf));
  return all.toSorted();
}

/** A TSIG key. */
export function tsigKey(name: string, algorithm: TsigAlgorithm, secret: Uint8Array): TsigKey {
  return { name: canonical(name), algorithm, secret: createSecretKey(secret) };
}
