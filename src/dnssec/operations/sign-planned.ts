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
  const tasks: SigningTask[] = [];
  for (const entry of planned) for (const task of entry.tasks) tasks.push(task);
  const signatures = Array.from<Uint8Array>({ length: tasks.length });
  await Promise.all(
    [...positionsByKey(tasks)].map(async ([key, positions]) => {
      const inputs = positions.map((position) => (tasks[position] as SigningTask).signedData);
      const answers = await signer.sign({ ...key.kmsKey, algorithm: key.algorithm, inputs });
      for (let index = 0; index < positions.length; index++)
        signatures[positions[index] as number] = fromKmsSignature(key, answers[index] ?? new Uint8Array());
    }),
  );
  const valid = await verifier.verify(
    tasks.map(({ key: { dnskey }, signedData }, position) => {
      return { dnskey, signedData, signature: signatures[position] as Uint8Array };
    }),
  );
  let next = 0;
  return planned.map((entry) => {
    const from = next;
    next += entry.tasks.length;
    return admitVerified(entry, signatures, valid, from);
  });
}

function positionsByKey(tasks: readonly SigningTask[]): Map<ZoneKey, number[]> {
  const positions = new Map<ZoneKey, number[]>();
  let lastKey: ZoneKey | undefined;
  let group: number[] = [];
  for (let position = 0; position < tasks.length; position++) {
    const { key } = tasks[position] as SigningTask;
    if (key !== lastKey) {
      lastKey = key;
      group = positions.get(key) ?? [];
      positions.set(key, group);
    }
    group.push(position);
  }
  return positions;
}
