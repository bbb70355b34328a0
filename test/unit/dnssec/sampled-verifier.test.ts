import { expect, test } from 'vitest';
import type { Rdata } from '#dns/rrset.ts';
import { sampledVerifier } from '#dnssec/operations/sampled-verifier.ts';
import type { SignatureBatch, SignatureVerifier } from '#dnssec/ports.ts';
import { pack, runOf } from '#lib/packed.ts';

/** A verifier that finds the signatures valid that are their signed data, and remembers what it was asked. */
function echoVerifier(asked: SignatureBatch[]): SignatureVerifier {
  return {
    async verify(batch) {
      asked.push(batch);
      const { signedData, signatures } = batch;
      return Uint8Array.from(signedData.ends, (_, index) =>
        Number(Buffer.compare(runOf(signedData, index), runOf(signatures, index)) === 0),
      );
    },
    close: async () => undefined,
  };
}

function batchOf(count: number, isWrong: (index: number) => boolean): SignatureBatch {
  const data = Array.from({ length: count }, (_, index) => Uint8Array.of(index >> 8, index & 0xff));
  const signatures = data.map((octets, index) => (isWrong(index) ? Uint8Array.of(9) : octets));
  return { dnskey: 'k' as Rdata, signedData: pack(data), signatures: pack(signatures) };
}

test('the first of each batch and one in 64 are verified, in time each of them', async () => {
  const asked: SignatureBatch[] = [];
  const verifier = sampledVerifier(echoVerifier(asked));
  const seen = new Set<number>();
  for (let round = 0; round < 64; round++) {
    const valid = await verifier.verify(batchOf(200, () => false));
    expect(valid).toEqual(new Uint8Array(200).fill(1));
    const { signedData } = asked.at(-1)!;
    const indexes = Array.from(signedData.ends, (_, run) => runOf(signedData, run)[1]!);
    expect(indexes[0]).toBe(0);
    expect(indexes.length).toBeLessThanOrEqual(5);
    for (const index of indexes) seen.add(index);
  }
  expect(seen.size).toBe(200);
});

test('a key that signs wrongly is found out at once', async () => {
  const valid = await sampledVerifier(echoVerifier([])).verify(batchOf(200, () => true));
  expect(valid[0]).toBe(0);
  expect(valid.filter((one) => one === 0).length).toBeGreaterThanOrEqual(4);
});
