import { fromKmsSignature } from '#dnssec/core/signing/signature.ts';
import type { PlannedRRset, SigningTask } from '#dnssec/core/signing/plan.ts';
import { admitVerified, type VerifiedRRset } from '#dnssec/core/signing/verified.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
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
  const tasks = planned.flatMap((entry) => entry.tasks);
  const signatures = new Map<SigningTask, Uint8Array>();
  await Promise.all(
    [...groupByKey(tasks)].map(async ([key, group]) => {
      const inputs = group.map((task) => task.signedData);
      const answers = await signer.sign({ ...key.kmsKey, algorithm: key.algorithm, inputs });
      for (const [index, task] of group.entries()) {
        signatures.set(task, fromKmsSignature(key, answers[index] ?? new Uint8Array()));
      }
    }),
  );
  const checks = tasks.map((task) => ({
    dnskey: task.key.dnskey,
    signedData: task.signedData,
    signature: signatures.get(task) ?? new Uint8Array(),
  }));
  const valid = await verifier.verify(checks);
  let next = 0;
  return planned.map((entry) => {
    const from = next;
    next += entry.tasks.length;
    return admitVerified(
      entry,
      checks.slice(from, next).map((check) => check.signature),
      valid.slice(from, next),
    );
  });
}

function groupByKey(tasks: readonly SigningTask[]): Map<ZoneKey, SigningTask[]> {
  return Map.groupBy(tasks, (task) => task.key);
}
