import { canonicalName, type CanonicalName, formatName, isWithin, type OrderKey } from '#dns/name.ts';
import { formatRRType } from '#dns/rr-type.ts';
import type { ResourceRecord, RRset } from '#dns/rrset.ts';
import { readZoneFile } from '#dns/zone-file/read.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { isRecordTtl, isRecordType, mostRecordTtl } from '#dnssec/core/managed/record-values.ts';
import type { Zone } from '#dnssec/core/zone/zone.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';

/** What is to come into a zone, kept as octets. */
export interface WantedContents {
  readonly zone: Zone;
  /** Number of its RRsets. */
  readonly rrsets: number;
  /** Records that the service makes itself, and that were left out. */
  readonly leftOut: number;
}

/** Names that an error lists. */
const mostShown = 10;

/** Gathers records, in any order, that are to come into a zone. */
export class WantedBuilder {
  readonly #apex: CanonicalName;
  readonly #builder: ZoneBuilder;
  readonly #outside: string[] = [];
  #leftOut = 0;

  constructor(apex: CanonicalName) {
    this.#apex = apex;
    this.#builder = new ZoneBuilder(apex);
  }

  add(records: readonly ResourceRecord[]): void {
    const kept = records.filter((record) => this.#isKept(record));
    this.#leftOut += records.length - kept.length;
    this.#builder.add(kept);
  }

  #isKept({ owner, type }: ResourceRecord): boolean {
    if (!isWithin(canonicalName(owner), this.#apex)) {
      if (this.#outside.length < mostShown) this.#outside.push(formatName(owner));
      return false;
    }
    return isRecordType(type);
  }

  /** @throws DnssecError zone-invalid when some records are not within the zone */
  build(): WantedContents {
    if (this.#outside.length > 0)
      throw new DnssecError(
        'zone-invalid',
        `zoneFile: not within ${formatName(this.#apex)}: ${this.#outside.join(', ')}`,
      );
    const zone = this.#builder.build();
    let rrsets = 0;
    for (const node of zone.nodes) rrsets += node.rrsets.length;
    return { zone, rrsets, leftOut: this.#leftOut };
  }
}

/**
 * Read a master file whose records are to come into a zone.
 *
 * @throws DnssecError zone-invalid; DnsError zone-file-invalid, zone-file-include
 */
export async function readWanted(source: AsyncIterable<Uint8Array>, apex: CanonicalName): Promise<WantedContents> {
  const builder = new WantedBuilder(apex);
  for await (const records of readZoneFile(source, { fileName: 'zoneFile', origin: apex, defaultTtl: 3600 }))
    builder.add(records);
  return builder.build();
}

/** The RRsets in canonical order, each with the key of its owner. */
export function* rrsetsOf({ zone }: WantedContents): Generator<{ readonly key: OrderKey; readonly rrset: RRset }> {
  for (const { key, rrsets } of zone.nodes) for (const rrset of rrsets) yield { key, rrset };
}

/** @throws DnssecError zone-invalid with the TTLs that no record can have */
export function assertRecordTtls(wanted: WantedContents): void {
  const faults: string[] = [];
  for (const { rrset } of rrsetsOf(wanted)) {
    const { owner, type, ttl } = rrset;
    if (faults.length > mostShown) break;
    if (!isRecordTtl(ttl)) faults.push(`${formatName(owner)} ${formatRRType(type)} has ${ttl}`);
  }
  if (faults.length === 0) return;
  const shown = faults.slice(0, mostShown).join(', ');
  throw new DnssecError(
    'zone-invalid',
    `zoneFile: a TTL is from 1 to ${mostRecordTtl} seconds, but ${shown}${faults.length > mostShown ? ', …' : ''}`,
  );
}
