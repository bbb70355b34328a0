import { availableParallelism } from 'node:os';
import { Tinypool } from 'tinypool';
import type { Rdata } from '#dns/rrset.ts';
import { verifySignature } from '#dnssec/core/signing/verify.ts';
import type { SignatureCheck, SignatureVerifier } from '#dnssec/ports.ts';

/** Signature checks of one DNSKEY, packed so that a worker receives two buffers instead of thousands. */
export interface PackedChecks {
  readonly dnskey: Rdata;
  /** Signed data and signature of each check, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For each check, the index in `bytes` after its signed data and after its signature. */
  readonly ends: Uint32Array<ArrayBuffer>;
}

const checksPerTask = 500;
/** So few checks take less time here than their way to a thread and back. */
const fewChecks = 8;

/** Verify on worker threads, one for each core unless told otherwise. */
export function createThreadVerifier(threads: number = availableParallelism()): SignatureVerifier {
  const pool = new Tinypool({
    filename: new URL('./verifier-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 5000,
  });
  return {
    async verify(checks) {
      if (checks.length <= fewChecks)
        return checks.map(({ dnskey, signedData, signature }) => verifySignature(dnskey, signedData, signature));
      const results: boolean[] = Array.from({ length: checks.length }, () => false);
      await Promise.all(
        splitByKey(checks).map(async (indexes) => {
          const packed = pack(indexes.map((index) => checks[index] as SignatureCheck));
          const valid: Uint8Array = await pool.run(packed, { transferList: [packed.bytes.buffer, packed.ends.buffer] });
          if (valid.length !== indexes.length)
            throw new Error(`the verifier answered ${valid.length} of ${indexes.length} checks`);
          for (const [position, index] of indexes.entries()) results[index] = valid[position] === 1;
        }),
      );
      return results;
    },
    close: () => pool.destroy(),
  };
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

function pack(checks: readonly SignatureCheck[]): PackedChecks {
  const first = checks[0] as SignatureCheck;
  let size = 0;
  for (const check of checks) size += check.signedData.length + check.signature.length;
  const bytes = new Uint8Array(size);
  const ends = new Uint32Array(checks.length * 2);
  let offset = 0;
  for (const [index, check] of checks.entries()) {
    bytes.set(check.signedData, offset);
    offset += check.signedData.length;
    ends[index * 2] = offset;
    bytes.set(check.signature, offset);
    offset += check.signature.length;
    ends[index * 2 + 1] = offset;
  }
  return { dnskey: first.dnskey, bytes, ends };
}
