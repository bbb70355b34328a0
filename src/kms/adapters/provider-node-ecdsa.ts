import { Buffer } from 'node:buffer';
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
import { multiplyScalar } from '#kms/adapters/provider-node-scalar.ts';
import { composeSec1, derFromP1363, p1363FromDer, partsOfSec1 } from '#kms/core/der.ts';
import { KmsError } from '#kms/core/errors.ts';
import { hashRow } from '#kms/core/hash-algorithms.ts';
import type { EcdsaKeyType } from '#kms/core/key-types.ts';
import { encodeHex } from '#lib/encoding.ts';

/**
 * ECDSA over a digest that the caller made. OpenSSL can do it, but Node hashes whatever it is given, so the digest is
 * brought in by way of the key:
 *
 * With e the caller's digest, m a fresh random message, e₀ its digest and c = e₀ ⁄ e, sign m with the key c·d. That
 * gives r and s₀ = (e₀ + r·c·d) ⁄ k = c · (e + r·d) ⁄ k, so that s = s₀ ⁄ c is a signature of e by d. To verify (r, s)
 * over e with d is to verify (r, s·c) over m with c·d.
 *
 * OpenSSL chooses k and does all work on the curve, in constant time. The only step here that touches d is c·d, which
 * `multiplyScalar` does without branches or look-ups that depend on it, and c is random and new for each signature. The
 * rest works on digests and signatures, which are no secrets.
 *
 * A digest that is 0 modulo the order has no c. No message is known to have one, so it is refused.
 */
export interface DigestSigner {
  /** Return r‖s. */
  sign(digest: Uint8Array): Uint8Array | KmsError;
  /** Check r‖s. */
  verify(digest: Uint8Array, signature: Uint8Array): boolean | KmsError;
}

export function makeDigestSigner(row: EcdsaKeyType, privateKey: KeyObject): DigestSigner {
  const hash = hashRow(row.defaultHash ?? 'sha2-256').digest;
  const { order, scalarBytes } = row;
  return {
    sign(digest) {
      const blinding = blind(row, hash, digest);
      if (blinding === undefined) return zeroDigest();
      const scaled = scaleKey(row, privateKey, blinding.factor);
      const signature = p1363FromDer(sign(hash, blinding.message, scaled), scalarBytes);
      if (signature === undefined) throw new KmsError('internal', 'an ECDSA signature has not the form of one');
      const s = integerOf(signature.subarray(scalarBytes));
      signature.set(octetsOf((s * blinding.inverse) % order, scalarBytes), scalarBytes);
      return signature;
    },
    verify(digest, signature) {
      const blinding = blind(row, hash, digest);
      if (blinding === undefined) return zeroDigest();
      if (signature.length !== 2 * scalarBytes) return false;
      const s = integerOf(signature.subarray(scalarBytes));
      if (s === 0n || s >= order) return false;
      const scaledSignature = Uint8Array.from(signature);
      scaledSignature.set(octetsOf((s * blinding.factor) % order, scalarBytes), scalarBytes);
      const der = derFromP1363(scaledSignature, scalarBytes);
      const publicKey = createPublicKey(scaleKey(row, privateKey, blinding.factor));
      return der !== undefined && verify(hash, blinding.message, publicKey, der);
    },
  };
}

interface Blinding {
  readonly message: Uint8Array;
  /** c */
  readonly factor: bigint;
  /** 1 ⁄ c */
  readonly inverse: bigint;
}

function blind({ order }: EcdsaKeyType, hash: string, digest: Uint8Array): Blinding | undefined {
  const wanted = leftmostBits(digest, order);
  if (wanted === 0n) return undefined;
  for (;;) {
    const message = randomBytes(32);
    const made = leftmostBits(createHash(hash).update(message).digest(), order);
    if (made === 0n) continue;
    const both = invert((made * wanted) % order, order);
    return { message, factor: (made * made * both) % order, inverse: (wanted * wanted * both) % order };
  }
}

/** Return the key c·d on the same curve. */
function scaleKey(row: EcdsaKeyType, privateKey: KeyObject, factor: bigint): KeyObject {
  const { order, scalarBytes } = row;
  const exported = privateKey.export({ format: 'der', type: 'sec1' });
  const parts = partsOfSec1(exported);
  if (parts?.scalar.length !== scalarBytes) throw new KmsError('internal', 'an ECDSA key has not the form of one');
  const scaled = multiplyScalar(parts.scalar, factor, order);
  const der = composeSec1({ scalar: scaled, curve: parts.curve });
  try {
    return createPrivateKey({ key: Buffer.from(der.buffer), format: 'der', type: 'sec1' });
  } finally {
    for (const bytes of [exported, scaled, der]) bytes.fill(0);
  }
}

/** Turn a digest into an integer modulo the order. Source: RFC 6979 §2.3.2. */
function leftmostBits(digest: Uint8Array, order: bigint): bigint {
  const orderBits = order.toString(2).length;
  const excess = Math.max(0, 8 * digest.length - orderBits);
  return (integerOf(digest) >> BigInt(excess)) % order;
}

/** Invert by Euclid's algorithm; for values that are no secret. */
function invert(value: bigint, order: bigint): bigint {
  let [low, high] = [value % order, order];
  let [factor, last] = [1n, 0n];
  while (low !== 0n) {
    const quotient = high / low;
    [low, high] = [high - quotient * low, low];
    [factor, last] = [last - quotient * factor, factor];
  }
  return ((last % order) + order) % order;
}

function integerOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${encodeHex(bytes)}`);
}

function octetsOf(value: bigint, length: number): Uint8Array {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
}

function zeroDigest(): KmsError {
  return new KmsError('payload-invalid', 'a digest of zeros cannot be signed or verified: no message has it');
}
