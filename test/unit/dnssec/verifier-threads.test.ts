import { afterAll, describe, expect, test } from 'vitest';
import { createThreadVerifier } from '#dnssec/dnssec.ts';
import { fromKmsSignature } from '#dnssec/core/signing/signature.ts';
import { getZoneKeys } from '#dnssec/operations/zone-keys.ts';
import type { SignatureCheck } from '#dnssec/ports.ts';
import { LocalSigner, localVerifier } from '#test/support/local-signer.ts';

const signer = new LocalSigner();
signer.add('ecdsa', 'ecdsa-p256');
signer.add('edwards', 'ed25519');
const choices = ['ecdsa', 'edwards'].map((keyId) => ({ keyId, role: 'csk' as const }));
const keys = await getZoneKeys(signer, localVerifier, choices);

/** Checks by both keys in turn, of which every seventh is wrong. */
async function makeChecks(count: number): Promise<{ checks: SignatureCheck[]; right: boolean[] }> {
  const checks: SignatureCheck[] = [];
  for (let index = 0; index < count; index++) {
    const key = keys[index % keys.length]!;
    const signedData = Uint8Array.of(index >> 8, index & 0xff, 7);
    const [answer] = await signer.sign({ ...key.kmsKey, algorithm: key.algorithm, inputs: [signedData] });
    const signature = Uint8Array.from(fromKmsSignature(key, answer!));
    if (index % 7 === 3) signature[40]! ^= 1;
    checks.push({ dnskey: key.dnskey, signedData, signature });
  }
  return { checks, right: checks.map((_, index) => index % 7 !== 3) };
}

describe('verifying on threads', () => {
  const verifier = createThreadVerifier(2);
  afterAll(() => verifier.close());

  test.each([0, 1, 5, 8, 30, 1300])('%i checks are answered in order, each for itself', async (count) => {
    const { checks, right } = await makeChecks(count);
    expect(await verifier.verify(checks)).toEqual(right);
  });

  test('several calls at once get each their own answers', async () => {
    const calls = await Promise.all([20, 50, 90].map(makeChecks));
    const answers = await Promise.all(calls.map(({ checks }) => verifier.verify(checks)));
    expect(answers).toEqual(calls.map(({ right }) => right));
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
