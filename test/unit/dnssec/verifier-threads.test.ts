import { afterAll, describe, expect, test } from 'vitest';
import { createThreadVerifier } from '#dnssec/dnssec.ts';
import { fromKmsSignatures } from '#dnssec/core/signing/signature.ts';
import { getZoneKeys } from '#dnssec/operations/zone-keys.ts';
import type { SignatureBatch } from '#dnssec/ports.ts';
import { pack } from '#lib/packed.ts';
import { LocalSigner, localVerifier } from '#test/support/local-signer.ts';

const signer = new LocalSigner();
const keyIds = ['ecdsa-p256', 'ecdsa-p384', 'ed25519'] as const;
for (const keyId of keyIds) signer.add(keyId, keyId);
const keys = await getZoneKeys(
  signer,
  localVerifier,
  keyIds.map((keyId) => ({ keyId, role: 'csk' as const })),
);

/** Checks by one key, of which every seventh is wrong. */
async function makeChecks(count: number, key = keys[0]!): Promise<{ checks: SignatureBatch; right: Uint8Array }> {
  const signedData = pack(Array.from({ length: count }, (_, index) => Uint8Array.of(index >> 8, index & 0xff, 7)));
  const answers = await signer.sign({ ...key.kmsKey, algorithm: key.algorithm, inputs: signedData });
  const signatures = fromKmsSignatures(key, answers);
  const right = Uint8Array.from({ length: count }, (_, index) => (index % 7 === 3 ? 0 : 1));
  for (let index = 3; index < count; index += 7) signatures.bytes[signatures.ends[index]! - 24]! ^= 1;
  return { checks: { dnskey: key.dnskey, signedData, signatures }, right };
}

describe('verifying on threads', () => {
  const verifier = createThreadVerifier(2);
  afterAll(() => verifier.close());

  test.each([0, 1, 5, 8, 30, 1300])('%i checks are answered in order, each for itself', async (count) => {
    const { checks, right } = await makeChecks(count);
    expect(await verifier.verify(checks)).toEqual(right);
  });

  test('what is verified stays with who asked', async () => {
    const { checks } = await makeChecks(600);
    const before = structuredClone(checks);
    await verifier.verify(checks);
    expect(checks).toEqual(before);
  });

  test('several calls at once, by several keys, get each their own answers', async () => {
    const calls = await Promise.all(keys.flatMap((key) => [7, 20, 600].map((count) => makeChecks(count, key))));
    const answers = await Promise.all(calls.map(({ checks }) => verifier.verify(checks)));
    expect(answers).toEqual(calls.map(({ right }) => right));
  });

  test('checks that lack a signature are refused', async () => {
    const { checks } = await makeChecks(3);
    await expect(verifier.verify({ ...checks, signatures: pack([]) })).rejects.toThrow('0 signatures for 3 checks');
  });
});

test('a verifier that was closed verifies no more', async () => {
  const verifier = createThreadVerifier(1);
  const { checks } = await makeChecks(20);
  await verifier.verify(checks);
  await verifier.close();
  await expect(verifier.verify(checks)).rejects.toThrow('closed');
});

test('what a closed verifier had not done fails, and is never taken for verified', async () => {
  const verifier = createThreadVerifier(1);
  const { checks } = await makeChecks(20);
  const underWay = verifier.verify(checks);
  await verifier.close();
  await expect(underWay).rejects.toThrow('could not be verified');
});
