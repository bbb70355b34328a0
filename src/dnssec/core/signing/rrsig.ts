import { flatOctets, type Octets, readUint16, readUint32, sliceOctets, uint16, uint32 } from '#lib/octets.ts';
import { type CanonicalName, countLabels, isWildcard, type Name, nameLengthAt } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';

/** The fields of an RRSIG but its signature. Source: RFC 4034 §3.1. */
export interface RrsigFields {
  readonly typeCovered: RRType;
  readonly algorithm: number;
  readonly labels: number;
  /** Seconds. */
  readonly originalTtl: number;
  /** Seconds modulo 2³², as is the inception. */
  readonly expiration: number;
  readonly inception: number;
  readonly keyTag: number;
  readonly signerName: Name;
}

export interface Rrsig extends RrsigFields {
  readonly signature: Octets;
}

/** Octets before the signer's name. */
export const rrsigFixedOctets = 18;

/** The prefix composed last for each type: most RRsets of a type have the same TTL, labels and times. */
const lastPrefixes = new Map<RRType, { readonly fields: RrsigFields; readonly prefix: Octets }>();

/** Compose RRSIG RDATA without the signature; with a canonical signer's name it is the head of the signed data. */
export function composeRrsigPrefix(fields: RrsigFields): Octets {
  const last = lastPrefixes.get(fields.typeCovered);
  if (last !== undefined && areEqual(last.fields, fields)) return last.prefix;
  const { typeCovered, algorithm, labels, originalTtl, expiration, inception, keyTag, signerName } = fields;
  const head = uint16(typeCovered) + String.fromCharCode(algorithm, labels) + uint32(originalTtl);
  const prefix = flatOctets((head + uint32(expiration) + uint32(inception) + uint16(keyTag) + signerName) as Octets);
  lastPrefixes.set(typeCovered, { fields, prefix });
  return prefix;
}

function areEqual(one: RrsigFields, other: RrsigFields): boolean {
  return (
    one.originalTtl === other.originalTtl &&
    one.labels === other.labels &&
    one.expiration === other.expiration &&
    one.inception === other.inception &&
    one.keyTag === other.keyTag &&
    one.algorithm === other.algorithm &&
    one.signerName === other.signerName
  );
}

/** Read valid RRSIG RDATA. */
export function parseRrsig(rdata: Rdata): Rrsig {
  const signatureStart = rrsigFixedOctets + nameLengthAt(rdata, rrsigFixedOctets);
  return {
    typeCovered: readUint16(rdata, 0),
    algorithm: rdata.charCodeAt(2),
    labels: rdata.charCodeAt(3),
    originalTtl: readUint32(rdata, 4),
    expiration: readUint32(rdata, 8),
    inception: readUint32(rdata, 12),
    keyTag: readUint16(rdata, 16),
    signerName: sliceOctets(rdata, rrsigFixedOctets, signatureStart) as Name,
    signature: sliceOctets(rdata, signatureStart),
  };
}

/** Return the type that valid RRSIG RDATA covers. */
export function typeCoveredBy(rdata: Rdata): RRType {
  return readUint16(rdata, 0);
}

/** Count labels as an RRSIG does: without the root and without a leftmost `*`. Source: RFC 4034 §3.1.3. */
export function rrsigLabels(owner: CanonicalName): number {
  return countLabels(owner) - (isWildcard(owner) ? 1 : 0);
}
