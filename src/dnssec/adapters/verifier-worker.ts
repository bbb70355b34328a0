import { verifySignature } from '#dnssec/core/signing/verify.ts';
import type { PackedChecks } from '#dnssec/adapters/verifier-threads.ts';

/** Check packed signatures; answers 1 for each that is valid and 0 for each that is not. */
export default function verifyPacked({ dnskey, bytes, ends }: PackedChecks): Uint8Array {
  const valid = new Uint8Array(ends.length / 2);
  let start = 0;
  for (let index = 0; index < valid.length; index++) {
    const middle = ends[index * 2] ?? 0;
    const end = ends[index * 2 + 1] ?? 0;
    valid[index] = verifySignature(dnskey, bytes.subarray(start, middle), bytes.subarray(middle, end)) ? 1 : 0;
    start = end;
  }
  return valid;
}
