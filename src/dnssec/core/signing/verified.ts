import { octetsFrom } from '#lib/octets.ts';
import { formatName } from '#dns/name.ts';
import { formatRRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { PlannedRRset } from '#dnssec/core/signing/plan.ts';

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
 * @param signatures one for each task, in the form that an RRSIG holds
 * @param valid the verifier's answer for each
 * @throws DnssecError signature-invalid
 */
export function admitVerified(
  planned: PlannedRRset,
  signatures: readonly Uint8Array[],
  valid: readonly boolean[],
): VerifiedRRset {
  const { rrset, tasks } = planned;
  const rrsigs = tasks.map((task, index) => {
    const signature = signatures[index];
    if (signature === undefined || valid[index] !== true) {
      const { keyId, version } = task.key.kmsKey;
      throw new DnssecError(
        'signature-invalid',
        `${formatName(rrset.owner)} ${formatRRType(rrset.type)}: the signature by KMS key ${keyId} version ${version} does not verify with DNSKEY ${task.key.keyTag}`,
        {
          details: {
            owner: formatName(rrset.owner),
            type: formatRRType(rrset.type),
            keyId,
            version,
            keyTag: task.key.keyTag,
          },
        },
      );
    }
    return (task.prefix + octetsFrom(signature)) as Rdata;
  });
  return { rrset, rrsigs } as unknown as VerifiedRRset;
}
