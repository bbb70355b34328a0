import { availableParallelism } from 'node:os';
import { runOf, slicePacked } from '#lib/packed.ts';
import { verifySignature, verifySignatureApart } from '#dnssec/core/signing/verify.ts';
import { VerifierPool } from '#dnssec/adapters/verifier-pool.ts';
import type { SignatureBatch, SignatureVerifier } from '#dnssec/ports.ts';

const checksPerTask = 500;
/** So few checks take less time than their way to a thread of JavaScript and back. */
const fewChecks = 8;

/** Verify on worker threads, one for each core unless told otherwise. */
export function createThreadVerifier(threads: number = availableParallelism()): SignatureVerifier {
  const pool = new VerifierPool(threads);
  return {
    async verify(batch) {
      const count = batch.signedData.ends.length;
      if (batch.signatures.ends.length !== count)
        throw new Error(`there are ${batch.signatures.ends.length} signatures for ${count} checks`);
      if (count <= fewChecks) return verifyFew(batch);
      const results = new Uint8Array(count);
      const starts = Array.from({ length: Math.ceil(count / checksPerTask) }, (_, task) => task * checksPerTask);
      await Promise.all(
        starts.map(async (start) => {
          const task = sliceBatch(batch, start, Math.min(count, start + checksPerTask));
          const checks = task.signedData.ends.length;
          const valid = await pool.run(task);
          if (valid.length !== checks) throw new Error(`the verifier answered ${valid.length} of ${checks} checks`);
          results.set(valid, start);
        }),
      );
      return results;
    },
    close: () => pool.close(),
  };
}

/** Copy the checks from `from` to `to`, in buffers that can be handed to a thread. */
function sliceBatch({ dnskey, signedData, signatures }: SignatureBatch, from: number, to: number): SignatureBatch {
  return {
    dnskey,
    signedData: slicePacked(signedData, from, to),
    signatures: slicePacked(signatures, from, to),
  };
}

/** Verify half of the checks on a thread that Node has for such things, while the others are verified here. */
async function verifyFew({ dnskey, signedData, signatures }: SignatureBatch): Promise<Uint8Array> {
  const half = Math.floor(signedData.ends.length / 2);
  const results = await Promise.all(
    Array.from(signedData.ends, async (_, index) => {
      const check = index < half ? verifySignatureApart : verifySignature;
      return check(dnskey, runOf(signedData, index), runOf(signatures, index));
    }),
  );
  return Uint8Array.from(results, Number);
}
