import { withBytes } from '#lib/octets.ts';
import { type Packed, startOf } from '#lib/packed.ts';
import { formatName, type Name } from '#dns/name.ts';
import { formatRRType, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import type { PlannedRRset } from '#dnssec/core/signing/plan.ts';

declare const verified: unique symbol;

/** An RRset as it may be published: with signatures that were verified, or rightly without any. Only `admitVerified` makes one. */
export interface VerifiedRRset {
  readonly rrset: RRset;
  /** RRSIG RDATA. */
  readonly rrsigs: readonly Rdata[];
  readonly [verified]: true;
}

/** What one key signed of some RRsets, in their order, and what became of the verification. */
export interface CheckedBatch {
  readonly key: ZoneKey;
  /** In the form that an RRSIG holds. */
  readonly signatures: Packed;
  /** The verifier's answers: 1 for each signature that is valid. */
  readonly valid: Uint8Array;
}

/**
 * Join RRsets with their signatures, each of which must have been found valid under the DNSKEY that is published.
 *
 * A KMS may answer with another key version, or two keys may share a tag: what does not verify here would make the zone
 * bogus, so it goes no further.
 *
 * @param checked the batches that the same RRsets were signed in
 * @throws DnssecError signature-invalid
 */
export function admitVerified(planned: readonly PlannedRRset[], checked: readonly CheckedBatch[]): VerifiedRRset[] {
  const batches = new Map(checked.map((batch) => [batch.key, { ...batch, next: 0 }]));
  return planned.map(({ rrset, tasks }) => {
    const rrsigs = tasks.map((task) => {
      const batch = batches.get(task.key);
      if (batch === undefined) throw notVerified(rrset.owner, rrset.type, task.key);
      const { signatures, valid, next: index } = batch;
      const end = signatures.ends[index];
      if (end === undefined || valid[index] !== 1) throw notVerified(rrset.owner, rrset.type, task.key);
      batch.next = index + 1;
      return withBytes(task.prefix, signatures.bytes, startOf(signatures, index), end) as Rdata;
    });
    return { rrset, rrsigs } as unknown as VerifiedRRset;
  });
}

/** Tell that a signature is none by the key that is published. */
export function notVerified(owner: Name, type: RRType, { kmsKey: { keyId, version }, keyTag }: ZoneKey): DnssecError {
  const [name, mnemonic] = [formatName(owner), formatRRType(type)];
  return new DnssecError(
    'signature-invalid',
    `${name} ${mnemonic}: the signature by KMS key ${keyId} version ${version} does not verify with DNSKEY ${keyTag}`,
    { details: { owner: name, type: mnemonic, keyId, version, keyTag } },
  );
}
