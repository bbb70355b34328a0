import { createHash } from 'node:crypto';
import { joinOctets, type Octets, octetsFrom, octetsOf, readUint32, sliceOctets, uint32 } from '#lib/octets.ts';
import type { CanonicalName } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { canonicalRdatas, composeSignedData } from '#dnssec/core/signing/signed-data.ts';
import { typeCoveredBy } from '#dnssec/core/signing/rrsig.ts';

/** The one scheme that is defined: the whole zone as one digest. Source: RFC 8976 §2.2.2. */
export const simpleScheme = 1;

/** Hash algorithms by number. Source: RFC 8976 §2.2.3. */
const hashNames: Readonly<Record<number, string>> = { 1: 'sha384', 2: 'sha512' };
const digestOctets: Readonly<Record<number, number>> = { 1: 48, 2: 64 };
export const sha384 = 1;

/** The fields of a ZONEMD record. Source: RFC 8976 §2.2. */
export interface Zonemd {
  readonly serial: number;
  readonly scheme: number;
  readonly hashAlgorithm: number;
  readonly digest: Octets;
}

export function composeZonemd({ serial, scheme, hashAlgorithm, digest }: Zonemd): Rdata {
  return joinOctets(uint32(serial), octetsOf(scheme, hashAlgorithm), digest) as Rdata;
}

/** Read valid ZONEMD RDATA. */
export function parseZonemd(rdata: Rdata): Zonemd {
  return {
    serial: readUint32(rdata, 0),
    scheme: rdata.charCodeAt(4),
    hashAlgorithm: rdata.charCodeAt(5),
    digest: sliceOctets(rdata, 6),
  };
}

/** A record that holds the place of the digest, so that its type enters the bitmaps. Source: RFC 8976 §3.1. */
export function placeholderZonemd(serial: number): Rdata {
  return composeZonemd({
    serial,
    scheme: simpleScheme,
    hashAlgorithm: sha384,
    digest: '\0'.repeat(digestOctets[sha384] as number) as Octets,
  });
}

/** Compose the ZONEMD of the kind that is made here. @param digest SHA-384 of the zone */
export function zonemdOf(serial: number, digest: Octets): Rdata {
  return composeZonemd({ serial, scheme: simpleScheme, hashAlgorithm: sha384, digest });
}

/** Tell whether a digest of this kind can be computed here. */
export function isComputableZonemd({ scheme, hashAlgorithm, digest }: Zonemd): boolean {
  return scheme === simpleScheme && digest.length === digestOctets[hashAlgorithm];
}

/**
 * Digests a zone whose RRsets come in canonical order: by owner, then by type. RRSIGs come as RRsets of their own, with
 * those of all types of an owner together.
 *
 * Source: RFC 8976 §3.3.1.1.
 */
export class ZoneDigest {
  readonly #hash;
  readonly #apex: CanonicalName;

  /** @throws DnssecError algorithm-unsupported */
  constructor(apex: CanonicalName, hashAlgorithm: number = sha384) {
    const hashName = hashNames[hashAlgorithm];
    if (hashName === undefined) {
      throw new DnssecError(
        'algorithm-unsupported',
        `ZONEMD hash algorithm ${hashAlgorithm} is not supported: ${Object.keys(hashNames).join(', ')} are`,
      );
    }
    this.#apex = apex;
    this.#hash = createHash(hashName);
  }

  /** Add an RRset. The apex ZONEMD RRset and the RRSIGs that cover it are left out, as the rules demand. */
  add(owner: CanonicalName, type: RRType, ttl: number, rdatas: readonly Rdata[]): void {
    const atApex = owner === this.#apex;
    if (atApex && type === rrTypes.ZONEMD) return;
    const kept =
      atApex && type === rrTypes.RRSIG ? rdatas.filter((rdata) => typeCoveredBy(rdata) !== rrTypes.ZONEMD) : rdatas;
    if (kept.length > 0) this.#hash.update(composeSignedData('' as Octets, owner, type, ttl, kept));
  }

  /** Add RRSIGs, whose TTLs follow the RRsets that they cover. Source: RFC 8976 §3.3.1. */
  addRrsigs(owner: CanonicalName, rrsigs: readonly { readonly ttl: number; readonly rdata: Rdata }[]): void {
    const ttls = new Map(rrsigs.map(({ rdata, ttl }) => [canonicalRdatas(rrTypes.RRSIG, [rdata])[0] as Rdata, ttl]));
    for (const rdata of [...ttls.keys()].toSorted((left, right) => (left < right ? -1 : 1))) {
      this.add(owner, rrTypes.RRSIG, ttls.get(rdata) ?? 0, [rdata]);
    }
  }

  /** Return the digest; nothing can be added after it. */
  finish(): Octets {
    return octetsFrom(this.#hash.digest());
  }
}
