import { allocateBytes } from '#lib/bytes.ts';
import { type Octets, sliceOctets, writeOctets } from '#lib/octets.ts';
import type { Packer } from '#lib/packed.ts';
import { type CanonicalName, type Name, nameLengthAt } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { canonicalRdata } from '#dns/rdata/rdata.ts';
import { parseRrsig, rrsigFixedOctets } from '#dnssec/core/signing/rrsig.ts';

const classIn = 1;
const fixedRRFields = 10;

/**
 * Return RDATA in canonical form and order, each once: lower-cased first, then sorted as octets (never by length), then
 * freed of what became equal.
 *
 * Source: RFC 4034 §6.2, RFC 4034 §6.3, RFC 2181 §5.
 */
export function canonicalRdatas(type: RRType, rdatas: readonly Rdata[]): readonly Rdata[] {
  if (rdatas.length === 1) return [canonicalRdata(type, rdatas[0] as Rdata)];
  const canonical = new Set<Rdata>();
  for (const rdata of rdatas) canonical.add(canonicalRdata(type, rdata));
  return [...canonical].toSorted((left, right) => (left < right ? -1 : 1));
}

/**
 * Compose what an RRSIG's signature is made over: its RDATA without the signature, then each RR in canonical form and
 * order with the original TTL.
 *
 * Source: RFC 4034 §3.1.8.1.
 *
 * @param prefix RRSIG RDATA without the signature, its signer's name canonical
 * @param owner the canonical owner; of records that a wildcard made, the wildcard's
 * @param originalTtl seconds
 */
export function composeSignedData(
  prefix: Octets,
  owner: CanonicalName,
  type: RRType,
  originalTtl: number,
  rdatas: readonly Rdata[],
): Uint8Array<ArrayBuffer> {
  const sorted = canonicalRdatas(type, rdatas);
  const data = allocateBytes(signedDataOctets(prefix, owner, sorted));
  const offset = writeOctets(data, prefix, 0);
  writeRecords(data, offset, owner, { type, ttl: originalTtl, rdatas: sorted });
  return data;
}

/**
 * Pack the same of an RRset as the next run.
 *
 * @param owner the canonical form of `rrset.owner`
 */
export function packSignedData(packer: Packer, prefix: Octets, owner: CanonicalName, rrset: RRset): void {
  const { type, ttl } = rrset;
  const rdatas = canonicalRdatas(type, rrset.rdatas);
  const start = packer.open(signedDataOctets(prefix, owner, rdatas));
  const offset = writeOctets(packer.bytes, prefix, start);
  writeRecords(packer.bytes, offset, owner, { type, ttl, rdatas });
}

/** Return whose signature some signed data are for. */
export function subjectOf(signedData: Octets): { readonly owner: Name; readonly type: RRType } {
  const { typeCovered, signerName } = parseRrsig(signedData as Rdata);
  const start = rrsigFixedOctets + signerName.length;
  const owner = sliceOctets(signedData, start, start + nameLengthAt(signedData, start)) as Name;
  return { owner, type: typeCovered };
}

function signedDataOctets(prefix: Octets, owner: CanonicalName, rdatas: readonly Rdata[]): number {
  let octets = prefix.length;
  for (const rdata of rdatas) octets += owner.length + fixedRRFields + rdata.length;
  return octets;
}

function writeRecords(
  data: Uint8Array,
  start: number,
  owner: CanonicalName,
  { type, ttl, rdatas }: Omit<RRset, 'owner'>,
): void {
  let offset = start;
  for (const rdata of rdatas) {
    offset = writeOctets(data, owner, offset);
    data[offset++] = type >>> 8;
    data[offset++] = type & 0xff;
    data[offset++] = 0;
    data[offset++] = classIn;
    data[offset++] = ttl >>> 24;
    data[offset++] = (ttl >>> 16) & 0xff;
    data[offset++] = (ttl >>> 8) & 0xff;
    data[offset++] = ttl & 0xff;
    data[offset++] = rdata.length >>> 8;
    data[offset++] = rdata.length & 0xff;
    offset = writeOctets(data, rdata, offset);
  }
}
