import { octetsFrom } from '#lib/octets.ts';
import { formatName } from '#dns/name.ts';
import { formatRRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { PlannedRRset, SigningTask } from '#dnssec/core/signing/plan.ts';

declare const verified: unique symbol;

/** An RRset as it may be published: with signatures that were verified, or rightly without any. Only `admitVerified` makes one. */
export interface VerifiedRRset {
  readonly rrset: RRset;
  /** RRSIG RDATA. */
  readonly rrsigs: readonly Rdata[];
  readonly [verified]: true;
}

/**
 * Join an RRset with its signatures, each of which must have been found valid under the DNSKEY that is published.
 *
 * A KMS may answer with another key version, or two keys may share a tag: what does not verify here would make the zone
 * bogus, so it goes no further.
 *
 * @param signatures those of this RRset's tasks from `from` on, in the form that an RRSIG holds
 * @param valid the verifier's answer for each
 * @throws DnssecError signature-invalid
 */
export function admitVerified(
  { rrset, tasks }: PlannedRRset,
  signatures: readonly Uint8Array[],
  valid: readonly boolean[],
  from = 0,
): VerifiedRRset {
  const rrsigs: Rdata[] = [];
  for (let index = 0; index < tasks.length; index++) {
    const task = tasks[index] as SigningTask;
    const signature = signatures[from + index];
    if (signature === undefined || valid[from + index] !== true) throw notVerified(rrset, task);
    rrsigs.push((task.prefix + octetsFrom(signature)) as Rdata);
  }
  return { rrset, rrsigs } as unknown as VerifiedRRset;
}

function notVerified({ owner, type }: RRset, { key }: SigningTask): DnssecError {
  const { keyId, version } = key.kmsKey;
  return new DnssecError(
    'signature-invalid',
    `${formatName(owner)} ${formatRRType(type)}: the signature by KMS key ${keyId} version ${version} does not verify with DNSKEY ${key.keyTag}`,
    { details: { owner: formatName(owner), type: formatRRType(type), keyId, version, keyTag: key.keyTag } },
  );
}
