import { constants, createHash, verify, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashRow } from '#kms/core/hash-algorithms.ts';
import { keyTypeRow, keyTypes, type HashAlgorithm, type KeyType } from '#kms/core/key-types.ts';
import type { CryptoProvider, SignatureOptions } from '#kms/ports/crypto-provider.ts';
import { codeOf, given, makeKey, only, onlyCode, testProvider, utf8, type TestKey } from '#test/support/kms-crypto.ts';

const signing = keyTypes.filter((type) => keyTypeRow(type).operations.includes('sign'));
const provider: CryptoProvider = testProvider();
const keys = new Map<KeyType, TestKey>();
const message = utf8('what is signed');

const keyOf = (type: KeyType): TestKey => given(keys.get(type));
const sign = async (type: KeyType, options: SignatureOptions = {}, input = message): Promise<Uint8Array> =>
  only(await provider.sign(keyOf(type), [input], options));
const check = async (type: KeyType, signature: Uint8Array, options: SignatureOptions = {}, input = message) =>
  only(await provider.verify(keyOf(type), [{ input, signature }], options));

/** Verify with node:crypto alone, by the words of the standards. */
function judge(type: KeyType, signature: Uint8Array, options: SignatureOptions): boolean {
  const row = keyTypeRow(type);
  const key = keyOf(type).publicKey as KeyObject;
  if (row.family === 'ed25519') return verify(null, message, key, signature);
  const hash = hashRow(given(options.hash ?? row.defaultHash));
  if (row.family === 'ecdsa') {
    const dsaEncoding = (options.marshalingAlgorithm ?? 'asn1') === 'asn1' ? 'der' : 'ieee-p1363';
    return verify(hash.digest, message, { key, dsaEncoding }, signature);
  }
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: hash.bytes };
  return verify(hash.digest, message, { key, ...(options.signatureAlgorithm === 'pkcs1v15' ? {} : pss) }, signature);
}

/** Each value, and the choice to name none. */
function either<Value>(values: readonly Value[]): readonly (Value | undefined)[] {
  return [undefined, ...values];
}

/** Every way in which a type can sign. */
function waysOf(type: KeyType): SignatureOptions[] {
  const row = keyTypeRow(type);
  return either<HashAlgorithm>(row.hashes).flatMap((hash) =>
    either(row.signatureAlgorithms).flatMap((signatureAlgorithm) =>
      either(row.marshalingAlgorithms).map((marshalingAlgorithm) => ({
        hash,
        signatureAlgorithm,
        marshalingAlgorithm,
      })),
    ),
  );
}

beforeAll(async () => {
  for (const type of signing) keys.set(type, await makeKey(provider, type));
});
afterAll(() => provider.close());

describe.each(signing)('a key of type %s', (type) => {
  it('signs in every way it has so that an independent verification accepts it', async () => {
    const refused: SignatureOptions[] = [];
    for (const way of waysOf(type)) {
      const signature = await sign(type, way);
      if (!judge(type, signature, way) || !(await check(type, signature, way))) refused.push(way);
    }
    expect(refused).toEqual([]);
  });

  it('signs a digest so that it is a signature of the message', async () => {
    const refused: SignatureOptions[] = [];
    for (const way of keyTypeRow(type).prehash ? waysOf(type) : []) {
      const hash = hashRow(given(way.hash ?? keyTypeRow(type).defaultHash));
      const digest = createHash(hash.digest).update(message).digest();
      const prehashed = { ...way, prehashed: true };
      const signature = await sign(type, prehashed, digest);
      const plain = await sign(type, way);
      const accepted = [
        judge(type, signature, way),
        await check(type, signature, prehashed, digest),
        await check(type, plain, prehashed, digest),
      ];
      if (accepted.includes(false)) refused.push(way);
    }
    expect(refused).toEqual([]);
  });

  it('finds every changed, shortened, extended or empty signature invalid, hashed and prehashed', async () => {
    const row = keyTypeRow(type);
    const hash = row.defaultHash === undefined ? undefined : hashRow(row.defaultHash);
    const digest = hash === undefined ? message : createHash(hash.digest).update(message).digest();
    const signature = await sign(type);
    const wrong: Uint8Array[] = [signature.slice(1), signature.slice(0, -1), Buffer.concat([signature, Buffer.of(0)])];
    wrong.push(new Uint8Array(0), new Uint8Array(signature.length), new Uint8Array(signature.length).fill(255));
    for (let index = 0; index < signature.length; index += 5) {
      const changed = Uint8Array.from(signature);
      changed[index] = (changed[index] ?? 0) ^ 4;
      wrong.push(changed);
    }
    for (const bad of wrong) {
      expect(await check(type, bad)).toBe(false);
      const options = { prehashed: row.prehash };
      expect(await check(type, bad, options, digest)).toBe(false);
    }
  });

  it('finds a signature of another message invalid', async () => {
    expect(await check(type, await sign(type), {}, utf8('what is signeD'))).toBe(false);
  });
});

describe('verifying', () => {
  it('takes no PSS signature without its first octet, be that a zero (RFC 8017 §8.1.2)', async () => {
    let signature: Uint8Array | undefined;
    for (let batch = 0; batch < 20 && signature === undefined; batch++) {
      const signatures = await provider.sign(keyOf('rsa-2048'), Array<Uint8Array>(500).fill(message), {});
      signature = signatures.map((one) => only([one])).find(([first]) => first === 0);
    }
    expect(await check('rsa-2048', given(signature))).toBe(true);
    expect(await check('rsa-2048', given(signature).slice(1))).toBe(false);
  });
});

describe('signing', () => {
  it('takes a digest of the right length only', async () => {
    for (const type of ['ecdsa-p256', 'rsa-2048'] as const) {
      for (const length of [0, 20, 31, 33, 64]) {
        const outcomes = await provider.sign(keyOf(type), [new Uint8Array(length).fill(1)], { prehashed: true });
        expect(onlyCode(outcomes)).toBe('payload-invalid');
      }
    }
  });

  it('refuses the digest that is zero modulo the order', async () => {
    const zero = new Uint8Array(32);
    expect(onlyCode(await provider.sign(keyOf('ecdsa-p256'), [zero], { prehashed: true }))).toBe('payload-invalid');
    const item = { input: zero, signature: await sign('ecdsa-p256') };
    expect(onlyCode(await provider.verify(keyOf('ecdsa-p256'), [item], { prehashed: true }))).toBe('payload-invalid');
  });

  it('signs an empty message', async () => {
    const empty = new Uint8Array(0);
    for (const type of signing) expect(await check(type, await sign(type, {}, empty), {}, empty)).toBe(true);
  });

  it('keeps the order of a batch, and one bad item spoils no other', async () => {
    const digests = ['a', 'b', 'c'].map((text) => createHash('sha256').update(text).digest());
    const inputs = [digests[0], new Uint8Array(3), digests[1], digests[2]].map(given);
    const outcomes = await provider.sign(keyOf('ecdsa-p256'), inputs, { prehashed: true });
    expect(outcomes).toHaveLength(4);
    expect(outcomes.map((outcome) => outcome instanceof Error)).toEqual([false, true, false, false]);
    const items = [0, 2, 3].map((index) => ({
      input: given(inputs[index]),
      signature: outcomes[index] as Uint8Array,
    }));
    expect(await provider.verify(keyOf('ecdsa-p256'), items, { prehashed: true })).toEqual([true, true, true]);
  });

  it('answers an empty batch with nothing', async () => {
    expect(await provider.sign(keyOf('ed25519'), [])).toEqual([]);
    expect(await provider.verify(keyOf('ed25519'), [])).toEqual([]);
  });

  it('does not confuse PSS with PKCS#1 v1.5, or one hash with another', async () => {
    expect(await check('rsa-2048', await sign('rsa-2048'), { signatureAlgorithm: 'pkcs1v15' })).toBe(false);
    expect(await check('rsa-2048', await sign('rsa-2048', { signatureAlgorithm: 'pkcs1v15' }))).toBe(false);
    expect(await check('rsa-2048', await sign('rsa-2048'), { hash: 'sha3-256' })).toBe(false);
    expect(await check('ecdsa-p256', await sign('ecdsa-p256'), { hash: 'sha2-512' })).toBe(false);
  });

  it('refuses key types that cannot sign', async () => {
    const key = await makeKey(provider, 'aes256-gcm96');
    expect(await codeOf(() => provider.sign(key, [message]))).toBe('wrong-operation');
    expect(await codeOf(() => provider.verify(key, [{ input: message, signature: message }]))).toBe('wrong-operation');
    expect(await codeOf(() => provider.sign(keyOf('ed25519'), [message], { hash: 'sha2-512' }))).toBe('hash-invalid');
  });
});
