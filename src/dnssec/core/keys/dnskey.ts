import { joinOctets, type Octets, octetsOf, readUint16, sliceOctets, uint16 } from '#lib/octets.ts';
import type { Rdata } from '#dns/rrset.ts';

/** The fields of a DNSKEY or CDNSKEY record. Source: RFC 4034 §2.1. */
export interface Dnskey {
  readonly flags: number;
  readonly protocol: number;
  readonly algorithm: number;
  readonly publicKey: Octets;
}

/** The bits of the flags field. Source: RFC 4034 §2.1.1, RFC 5011 §7. */
export const dnskeyFlags = { zoneKey: 0x0100, secureEntryPoint: 0x0001, revoked: 0x0080 } as const;

export const dnskeyProtocol = 3;

/** Compose DNSKEY RDATA. */
export function composeDnskey(dnskey: Dnskey): Rdata {
  return joinOctets(uint16(dnskey.flags), octetsOf(dnskey.protocol, dnskey.algorithm), dnskey.publicKey) as Rdata;
}

/** Read valid DNSKEY RDATA. */
export function parseDnskey(rdata: Rdata): Dnskey {
  return {
    flags: readUint16(rdata, 0),
    protocol: rdata.charCodeAt(2),
    algorithm: rdata.charCodeAt(3),
    publicKey: sliceOctets(rdata, 4),
  };
}

/** Tell whether a DNSKEY may verify RRSIGs: a zone key of protocol 3. Source: RFC 4034 §2.1. */
export function isZoneKey(dnskey: Dnskey): boolean {
  return (dnskey.flags & dnskeyFlags.zoneKey) !== 0 && dnskey.protocol === dnskeyProtocol;
}

/** Return the RDATA with the revoke bit set, under which the key tag is another one. Source: RFC 5011 §2.1. */
export function revokedDnskey(rdata: Rdata): Rdata {
  return joinOctets(uint16(readUint16(rdata, 0) | dnskeyFlags.revoked), sliceOctets(rdata, 2)) as Rdata;
}

/**
 * Compute the key tag of DNSKEY RDATA, 0–65535.
 *
 * Source: RFC 4034 §B.
 */
export function keyTagOf(rdata: Rdata): number {
  const rsaMd5 = 1;
  if (rdata.charCodeAt(3) === rsaMd5) return readUint16(rdata, rdata.length - 3);
  let sum = 0;
  for (let index = 0; index < rdata.length; index++) {
    sum += (index & 1) === 0 ? rdata.charCodeAt(index) << 8 : rdata.charCodeAt(index);
  }
  return (sum + (sum >>> 16)) & 0xffff;
}
