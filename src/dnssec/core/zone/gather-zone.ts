import { canonicalName, type Name } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { checkZone } from '#dnssec/core/zone/checks.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import { madeBySigning } from '#dnssec/core/zone/zone.ts';
import { type StoredZone, ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';

/** A source of records whose apex is known: the owner of the first SOA. */
export interface ZoneSource {
  readonly apex: Name;
  readonly records: AsyncIterable<readonly ResourceRecord[]>;
}

/** A zone as it was read, without what signing makes, and all that is wrong with it. */
export interface GatheredZone {
  readonly zone: StoredZone;
  readonly faults: readonly ZoneFault[];
}

/**
 * Read records up to the SOA.
 *
 * @param fileName what the error calls the source
 * @throws DnssecError zone-invalid when there is no SOA
 */
export async function findZoneApex(
  pieces: AsyncGenerator<readonly ResourceRecord[]>,
  fileName: string,
): Promise<ZoneSource> {
  const held: (readonly ResourceRecord[])[] = [];
  for (;;) {
    const next = await pieces.next();
    if (next.done === true)
      throw new DnssecError('zone-invalid', `${fileName} holds no SOA record, so it is no whole zone`);
    held.push(next.value);
    const soa = next.value.find((record) => record.type === rrTypes.SOA);
    if (soa !== undefined) return { apex: soa.owner, records: resume(held, pieces) };
  }
}

async function* resume<Piece>(held: Piece[], rest: AsyncGenerator<Piece>): AsyncGenerator<Piece> {
  for (let piece = held.shift(); piece !== undefined; piece = held.shift()) yield piece;
  yield* rest;
}

/** Records of the input that the keys of a signing take the place of. */
const replacedBySigning: ReadonlySet<RRType> = new Set([...madeBySigning, rrTypes.DNSKEY]);

/** Below the apex they are signals for other zones. Source: RFC 9615 §4.1. */
const replacedAtApex: ReadonlySet<RRType> = new Set<RRType>([rrTypes.CDS, rrTypes.CDNSKEY]);

/**
 * Read a zone that is to be signed, and check it.
 *
 * @param onRead is told the number of records read so far
 * @throws DnsError from the source
 */
export async function gatherZone(
  { apex, records }: ZoneSource,
  onRead: (records: number) => void = () => undefined,
): Promise<GatheredZone> {
  const builder = new ZoneBuilder(canonicalName(apex), replacedBySigning, replacedAtApex);
  let read = 0;
  for await (const piece of records) {
    builder.add(piece);
    read += piece.length;
    onRead(read);
  }
  const zone = builder.build();
  return { zone, faults: [...builder.faults, ...checkZone(zone)] };
}
