import {
  createECDH,
  createPrivateKey,
  generateKeyPairSync,
  generatePrimeSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { composeSec1, element, partsOfSec1, unsignedInteger } from '#kms/core/der.ts';
import { checkImport, encodePublicKey } from '#kms/core/key-material.ts';
import { keyTypeRow } from '#kms/core/key-types.ts';
import { formatPublicKey } from '#kms/core/public-key.ts';
import { codeOf, given, importKey, only, testProvider, utf8 } from '#test/support/kms-crypto.ts';

const provider = testProvider();
afterAll(() => provider.close());

const pkcs8 = { format: 'der', type: 'pkcs8' } as const;
const curves = [
  ['ecdsa-p256', 'prime256v1', 32],
  ['ecdsa-p384', 'secp384r1', 48],
  ['ecdsa-p521', 'secp521r1', 66],
] as const;

describe('an elliptic key from outside', () => {
  it.each(curves)(
    'of type %s whose public point is compressed is kept with the whole point',
    async (type, curve, n) => {
      const { material, point } = withPoint(curve, 'compressed');
      const key = await importKey(provider, type, material);
      const spki = given(key.publicKey).export({ format: 'der', type: 'spki' });
      expect(Buffer.from(formatPublicKey(type, spki, 'raw'), 'base64').toString('hex')).toBe(point);
      expect(point).toHaveLength(2 * (1 + 2 * n));
    },
  );

  it.each(curves)('of type %s signs digests however its public point came', async (type, curve) => {
    for (const form of ['compressed', 'hybrid', 'uncompressed'] as const) {
      const key = await importKey(provider, type, withPoint(curve, form).material);
      const signature = only(await provider.sign(key, [randomBytes(32)], { prehashed: true, hash: 'sha2-256' }));
      expect(signature.length).toBeGreaterThan(0);
    }
  });

  it.each(curves)('of type %s that spells out its curve is refused', async (type, curve) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: curve, paramEncoding: 'explicit' });
    expect(await codeOf(() => importKey(provider, type, privateKey.export(pkcs8)))).toBe('import-invalid');
  });

  it('with the public point of the negated scalar is refused', async () => {
    const { material } = withPoint('prime256v1', 'compressed');
    material[material.length - 33] = given(material.at(-33)) ^ 1;
    expect(await codeOf(() => importKey(provider, 'ecdsa-p256', material))).toBe('import-invalid');
  });
});

describe('an RSA key from outside', () => {
  const row = keyTypeRow('rsa-2048');
  const [p, q] = primes(1024, 1024);

  it('of two primes is taken, in whichever order they stand', () => {
    expect(encodePublicKey(checkImport(row, rsa(p * q, [p, q])))).toBeDefined();
    expect(encodePublicKey(checkImport(row, rsa(p * q, [q, p])))).toBeDefined();
  });

  it.each([
    ['whose modulus is one of its two factors, and the other 1', () => rsa(p * q, [p * q, 1n], totient(p, q))],
    ['whose two primes are one', () => rsa(p * p, [p, p], p * (p - 1n))],
    ['one of whose primes is no prime', () => threePrimes()],
    ['whose primes have not half its length', () => unequal()],
    ['whose primes are of another modulus', () => rsa(p * q, [p, q + 2n], totient(p, q))],
    ['whose exponent has 256 bits and more', () => rsa(p * q, [p, q], totient(p, q), 2n ** 256n + 1n)],
  ])('%s is refused, though what it signs may verify', async (_, material) => {
    expect(await codeOf(() => checkImport(row, material()))).toBe('import-invalid');
  });

  it('would sign well with a modulus that anybody can factor', () => {
    const weak = createPrivateKey({ key: Buffer.from(rsa(p * p, [p, p], p * (p - 1n))), ...pkcs8 });
    expect(verify('sha256', utf8('x'), weak as never, sign('sha256', utf8('x'), weak))).toBe(true);
  });
});

/** A fresh key in PKCS#8 whose public key has the given form, and its point in full. */
function withPoint(curve: string, form: 'compressed' | 'hybrid' | 'uncompressed') {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const parts = given(partsOfSec1(privateKey.export({ format: 'der', type: 'sec1' })));
  const pair = createECDH(curve);
  pair.setPrivateKey(parts.scalar);
  const sec1 = composeSec1(parts, pair.getPublicKey(null, form));
  const key = createPrivateKey({ key: Buffer.from(sec1), format: 'der', type: 'sec1' });
  return { material: key.export(pkcs8), point: pair.getPublicKey('hex') };
}

function threePrimes(): Uint8Array {
  const [a, b, c] = primes(1024, 512, 512);
  return rsa(a * b * c, [a, b * c], totient(a, b, c));
}

function unequal(): Uint8Array {
  const [a, b] = primes(1536, 512);
  return rsa(a * b, [a, b]);
}

/** Primes of so many bits whose product has all the bits of a modulus, none of which spoils the exponent 65537. */
function primes(...bits: readonly number[]): bigint[] & { 0: bigint; 1: bigint; 2: bigint } {
  const total = bits.reduce((sum, count) => sum + count, 0);
  for (;;) {
    const found = bits.map((count) => generatePrimeSync(count, { bigint: true }));
    const product = found.reduce((left, right) => left * right, 1n);
    if (product >> BigInt(total - 1) === 1n && found.every((prime) => prime % 65_537n !== 1n)) return found as never;
  }
}

function totient(...factors: readonly bigint[]): bigint {
  return factors.reduce((product, prime) => product * (prime - 1n), 1n);
}

/** PKCS#8 of an RSA key that works, whatever its factors are. */
function rsa(n: bigint, [p, q]: readonly [bigint, bigint], order = totient(p, q), e = 65_537n): Uint8Array {
  const d = inverse(e, order) ?? 1n;
  const modulo = (prime: bigint) => (prime > 1n ? d % (prime - 1n) : 0n);
  const numbers = [0n, n, e, d, p, q, modulo(p), modulo(q), inverse(q, p) ?? 1n];
  const key = element(0x30, ...numbers.map((number) => unsignedInteger(octetsOf(number))));
  const algorithm = Buffer.from('300d06092a864886f70d0101010500', 'hex');
  return element(0x30, unsignedInteger(Uint8Array.of(0)), algorithm, element(0x04, key));
}

function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [low, high, factor, last] = [value % modulus, modulus, 1n, 0n];
  while (low !== 0n) {
    const quotient = high / low;
    [low, high, factor, last] = [high - quotient * low, low, last - quotient * factor, factor];
  }
  return high === 1n ? ((last % modulus) + modulus) % modulus : undefined;
}

function octetsOf(number: bigint): Uint8Array {
  const hex = number.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}
