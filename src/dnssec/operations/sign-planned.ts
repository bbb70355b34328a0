import { type Packed, releasePacked } from '#lib/packed.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { batchByKey, type PlannedRRset } from '#dnssec/core/signing/plan.ts';
import { fromKmsSignatures } from '#dnssec/core/signing/signature.ts';
import type { PlannedText } from '#dnssec/core/signing/planned-text.ts';
import { admitVerified, type CheckedBatch, type VerifiedRRset } from '#dnssec/core/signing/verified.ts';
import { admitVerifiedText, type VerifiedText } from '#dnssec/core/signing/verified-text.ts';
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
export async function signPlanned(planned: readonly PlannedRRset[], ports: SigningPorts): Promise<VerifiedRRset[]> {
  const orders = batchByKey(planned);
  return admitVerified(
    planned,
    await Promise.all(orders.map(({ key, signedData }) => signAndCheck(key, signedData, ports))),
  );
}

/**
 * The same for a piece of text, which gets its signatures. The plan is of no use afterwards.
 *
 * @param keys those that it was planned with
 * @throws DnssecError kms-refused, kms-unavailable, signature-invalid
 */
export async function signPlannedText(
  planned: PlannedText,
  keys: readonly ZoneKey[],
  ports: SigningPorts,
): Promise<VerifiedText> {
  const checked = planned.orders.map(({ key, signedData }) => signAndCheck(keys[key] as ZoneKey, signedData, ports));
  const verified = admitVerifiedText(planned, await Promise.all(checked));
  releasePacked(planned.orders.map(({ signedData }) => signedData));
  return verified;
}

async function signAndCheck(key: ZoneKey, signedData: Packed, ports: SigningPorts): Promise<CheckedBatch> {
  const { signer, verifier } = ports;
  const answers = await signer.sign({ ...key.kmsKey, algorithm: key.algorithm, inputs: signedData });
  const signatures = fromKmsSignatures(key, answers);
  return { key, signatures, valid: await verifier.verify({ dnskey: key.dnskey, signedData, signatures }) };
}
