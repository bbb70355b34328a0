import { hash } from 'node:crypto';
import {
  bytesFrom,
  joinOctets,
  type Octets,
  octetsFrom,
  octetsOf,
  readUint16,
  sliceOctets,
  uint16,
} from '#lib/octets.ts';
import { canonicalName, type Name } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';
import { keyTagOf } from '#dnssec/core/keys/dnskey.ts';

/** Digest types for new DS records: SHA-256 and SHA-384. Source: RFC 4509 §2.1, RFC 6605 §2. */
export const digestTypes = [2, 4] as const;
export type DigestType = (typeof digestTypes)[number];

/** SHA-1 is recognised where a parent still has it, and never made. */
const digestNames: Readonly<Record<number, string>> = { 1: 'sha1', 2: 'sha256', 4: 'sha384' };
const digestMnemonics: Readonly<Record<number, string>> = { 1: 'SHA-1', 2: 'SHA-256', 4: 'SHA-384' };

/** The fields of a DS or CDS record. Source: RFC 4034 §5.1. */
export interface Ds {
  readonly keyTag: number;
  readonly algorithm: number;
  readonly digestType: number;
  readonly digest: Octets;
}

/** Read valid DS RDATA. */
export function parseDs(rdata: Rdata): Ds {
  return {
    keyTag: readUint16(rdata, 0),
    algorithm: rdata.charCodeAt(2),
    digestType: rdata.charCodeAt(3),
    digest: sliceOctets(rdata, 4),
  };
}

/**
 * Compose the DS (or CDS) RDATA of a DNSKEY: the digest is over the canonical owner name and the DNSKEY RDATA.
 *
 * Source: RFC 4034 §5.1.4.
 */
export function composeDs(owner: Name, dnskey: Rdata, digestType: DigestType): Rdata {
  const head = joinOctets(uint16(keyTagOf(dnskey)), octetsOf(dnskey.charCodeAt(3), digestType));
  return joinOctets(head, digestOf(owner, dnskey, digestNames[digestType] as string)) as Rdata;
}

function digestOf(owner: Name, dnskey: Rdata, digestName: string): Octets {
  return octetsFrom(hash(digestName, bytesFrom(joinOctets(canonicalName(owner), dnskey)), 'buffer'));
}

/** Tell whether a DS names this DNSKEY; a digest type that is not known matches nothing. Source: RFC 4035 §5.2. */
export function dsMatches(ds: Rdata, owner: Name, dnskey: Rdata): boolean {
  const { keyTag, algorithm, digestType, digest } = parseDs(ds);
  const digestName = digestNames[digestType];
  if (digestName === undefined || algorithm !== dnskey.charCodeAt(3) || keyTag !== keyTagOf(dnskey)) return false;
  return digest === digestOf(owner, dnskey, digestName);
}

/** Tell whether the digest of a DS can be computed. */
export function isKnownDigestType(digestType: number): boolean {
  return digestNames[digestType] !== undefined;
}

/** Return a digest type's name for people. */
export function digestTypeName(digestType: number): string {
  return digestMnemonics[digestType] ?? `digest type ${digestType}`;
}

/** The CDS and CDNSKEY that ask the parent to remove every DS, each alone in its RRset. Source: RFC 8078 §4. */
export const deleteCds = octetsOf(0, 0, 0, 0, 0) as Rdata;
export const deleteCdnskey = octetsOf(0, 0, 3, 0, 0) as Rdata;
