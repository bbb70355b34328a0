import { availableParallelism } from 'node:os';
import { pack } from '#lib/packed.ts';
import type { Rdata } from '#dns/rrset.ts';
import { verifySignature, verifySignatureApart } from '#dnssec/core/signing/verify.ts';
import { VerifierPool } from '#dnssec/adapters/verifier-pool.ts';
import type { SignatureCheck, SignatureVerifier } from '#dnssec/ports.ts';

const checksPerTask = 500;
/** So few checks take less time than their way to a thread of JavaScript and back. */
const fewChecks = 8;

/** Verify on worker threads, one for each core unless told otherwise. */
export function createThreadVerifier(threads: number = availableParallelism()): SignatureVerifier {
  const pool = new VerifierPool(threads);
  return {
    async verify(checks) {
      if (checks.length <= fewChecks) return verifyFew(checks);
      const results: boolean[] = Array.from({ length: checks.length }, () => false);
      await Promise.all(
        splitByKey(checks).map(async (indexes) => {
          const group = indexes.map((index) => checks[index] as SignatureCheck);
          const runs = group.flatMap(({ signedData, signature }) => [signedData, signature]);
          const valid = await pool.run({ dnskey: (group[0] as SignatureCheck).dnskey, ...pack(runs) });
          if (valid.length !== indexes.length)
            throw new Error(`the verifier answered ${valid.length} of ${indexes.length} checks`);
          for (const [position, index] of indexes.entries()) results[index] = valid[position] === 1;
        }),
      );
      return results;
    },
    close: () => pool.close(),
  };
}

/** Verify half of the checks on a thread that Node has for such things, while the others are verified here. */
function verifyFew(checks: readonly SignatureCheck[]): Promise<boolean[]> {
  const half = Math.floor(checks.length / 2);
  return Promise.all(
    checks.map(async ({ dnskey, signedData, signature }, index) =>
      index < half
        ? verifySignatureApart(dnskey, signedData, signature)
        : verifySignature(dnskey, signedData, signature),
    ),
  );
}

/** Group the indexes of checks by DNSKEY, in runs of at most `checksPerTask`. */
function splitByKey(checks: readonly SignatureCheck[]): number[][] {
  const open = new Map<Rdata, number[]>();
  const runs: number[][] = [];
  for (const [index, { dnskey }] of checks.entries()) {
    let run = open.get(dnskey);
    if (run === undefined || run.length === checksPerTask) {
      run = [];
      runs.push(run);
      open.set(dnskey, run);
    }
    run.push(index);
  }
  return runs;
}
