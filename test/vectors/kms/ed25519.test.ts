import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importKey, only, testProvider, utf8, type TestKey } from '#test/support/kms-crypto.ts';

/** The classes of cases of Project Wycheproof for Ed25519 verification, made for a key of our own. */
const provider = testProvider();
afterAll(() => provider.close());

const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const prime = 2n ** 255n - 19n;
const seed = Buffer.alloc(32, 0x42);
const message = utf8('Hello');
let key: TestKey;
let good: Uint8Array;

const fromLittle = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes.toReversed()).toString('hex')}`);
const toLittle = (value: bigint): Buffer =>
  Buffer.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toReversed());
const signatureOf = (point: Uint8Array, scalar: bigint): Buffer => Buffer.concat([point, toLittle(scalar)]);

beforeAll(async () => {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  key = await importKey(provider, 'ed25519', pkcs8);
  good = only(await provider.sign(key, [message]));
});

/** Return S = r + h·a for a point R = r·B, so that the equation of the verification holds. */
function scalarFor(point: Uint8Array, multiple: bigint): bigint {
  const secret = createHash('sha512').update(seed).digest();
  secret[0] = (secret[0] ?? 0) & 248;
  secret[31] = ((secret[31] ?? 0) & 127) | 64;
  const publicKey = key.publicKey?.export({ format: 'der', type: 'spki' }).subarray(-32) ?? Buffer.alloc(0);
  const hash = createHash('sha512').update(point).update(publicKey).update(message).digest();
  return (multiple + fromLittle(hash) * fromLittle(secret.subarray(0, 32))) % order;
}

const check = async (signature: Uint8Array): Promise<boolean> =>
  only(await provider.verify(key, [{ input: message, signature }]));

describe('Ed25519 verification', () => {
  it('is deterministic in signing and accepts the one signature', async () => {
    expect(await check(good)).toBe(true);
    expect(only(await provider.sign(key, [message]))).toEqual(good);
  });

  it('rejects S that is not reduced', async () => {
    const [point, scalar] = [good.subarray(0, 32), fromLittle(good.subarray(32))];
    const raised = [1n, 2n, 7n, 15n].map((times) => scalar + times * order).filter((value) => value < 2n ** 256n);
    expect(raised.length).toBeGreaterThan(1);
    for (const value of raised) expect(await check(signatureOf(point, value))).toBe(false);
  });

  it('rejects special values of S', async () => {
    const point = good.subarray(0, 32);
    for (const value of [0n, 1n, order, order - 1n, order + 1n, 2n ** 255n - 1n, 2n ** 256n - 1n, prime]) {
      expect(await check(signatureOf(point, value))).toBe(false);
    }
  });

  it('rejects points of small order and points that are none as R', async () => {
    const scalar = fromLittle(good.subarray(32));
    const points = [0n, 1n, prime - 1n, prime, prime + 1n, 2n ** 255n + 1n, 2n ** 256n - 1n, 2n].map(toLittle);
    for (const point of points) expect(await check(signatureOf(point, scalar))).toBe(false);
  });

  it('rejects the neutral point as R in every spelling, also where the equation holds', async () => {
    for (const value of [1n, prime + 1n, 2n ** 255n + 1n, 2n ** 255n + prime + 1n]) {
      const point = toLittle(value);
      expect(await check(signatureOf(point, scalarFor(point, 0n)))).toBe(false);
    }
    // The base point as R, by the same construction: the cases above fail for their point alone.
    const base = Buffer.from(`58${'66'.repeat(31)}`, 'hex');
    expect(await check(signatureOf(base, scalarFor(base, 1n)))).toBe(true);
  });

  it('rejects every changed bit, truncation and extension', async () => {
    const wrong: Uint8Array[] = Array.from({ length: 512 }, (_, bit) => {
      const changed = Uint8Array.from(good);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return changed;
    });
    for (let length = 0; length < 64; length++) wrong.push(good.subarray(0, length));
    wrong.push(Buffer.concat([good, Buffer.of(0)]), Buffer.concat([good, good]));
    const outcomes = await provider.verify(
      key,
      wrong.map((signature) => ({ input: message, signature })),
    );
    expect(outcomes).toEqual(wrong.map(() => false));
  });

  it('rejects the signature of the prehashed variant and of another key', async () => {
    expect(await check(only(await provider.sign(key, [createHash('sha512').update(message).digest()])))).toBe(false);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 1)]);
    const other = await importKey(provider, 'ed25519', der, { key: 'kms-other' });
    const signature = only(await provider.sign(other, [message]));
    expect(only(await provider.verify(other, [{ input: message, signature }]))).toBe(true);
    expect(await check(signature)).toBe(false);
  });
});
