import { batchByKey, type PlannedRRset } from '#dnssec/core/signing/plan.ts';
import { fromKmsSignatures } from '#dnssec/core/signing/signature.ts';
import { admitVerified, type VerifiedRRset } from '#dnssec/core/signing/verified.ts';
import type { SignatureVerifier, Signer } from '#dnssec/ports.ts';

/** Where signatures come from and who checks them. */
export interface SigningPorts {
  readonly signer: Signer;
  readonly verifier: SignatureVerifier;
}

/**
 * Have the KMS make all signatures of some RRsets, one batch for each key version, and verify every one of them.
 *
 * @throws DnssecError kms-refused, kms-unavailable, signature-invalid
 */
export async function signPlanned(
  planned: readonly PlannedRRset[],
  { signer, verifier }: SigningPorts,
): Promise<VerifiedRRset[]> {
  const checked = await Promise.all(
    batchByKey(planned).map(async ({ key, signedData }) => {
      const answers = await signer.sign({ ...key.kmsKey, algorithm: key.algorithm, inputs: signedData });
      const signatures = fromKmsSignatures(key, answers);
      return { key, signatures, valid: await verifier.verify({ dnskey: key.dnskey, signedData, signatures }) };
    }),
  );
  return admitVerified(planned, checked);
}
