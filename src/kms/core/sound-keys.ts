import { checkPrimeSync, createECDH, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { composeSec1, integersOf, partsOfSec1 } from '#kms/core/der.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { EcdsaKeyType, RsaKeyType } from '#kms/core/key-types.ts';
import { bufferView } from '#lib/bytes.ts';

/**
 * What OpenSSL does not look at when it loads a private key from outside. A key that fails here may sign, and what it signs
 * verify, and yet be anybody's.
 */

/**
 * Make a key on a named curve anew from its scalar alone, with its public key as the uncompressed point, so that it is
 * spelled as those that are made here.
 *
 * OpenSSL loads a scalar of zero, whose public key is the point at infinity: what it signs verifies, and so does what
 * anybody signs. Node's ECDH takes only scalars from 1 to the order less 1.
 *
 * @throws KmsError import-invalid when the curve is spelled out, the scalar is none, or the public key is of another
 */
export function remakeEcKey({ curve }: EcdsaKeyType, key: KeyObject): KeyObject {
  const exported = key.export({ format: 'der', type: 'sec1' });
  let der: Uint8Array | undefined;
  try {
    const parts = partsOfSec1(exported);
    if (parts === undefined) throw invalid(`the material spells out its curve: name it, as ${curve}`);
    der = composeSec1(parts, pointOf(curve, parts.scalar));
    const remade = createPrivateKey({ key: bufferView(der), format: 'der', type: 'sec1' });
    if (createPublicKey(remade).equals(createPublicKey(key))) return remade;
    throw invalid('the private key does not match its public key');
  } finally {
    exported.fill(0);
    der?.fill(0);
  }
}

function pointOf(curve: string, scalar: Uint8Array): Uint8Array {
  try {
    const pair = createECDH(curve);
    pair.setPrivateKey(scalar);
    return pair.getPublicKey();
  } catch {
    throw invalid(`the private scalar is not one of the curve ${curve}`);
  }
}

/**
 * Check that a modulus is the product of two different primes of half its length, which alone makes it hard to factor, and
 * that the exponent is of a usual size.
 *
 * Source: RFC 8017 §3.2.
 *
 * @throws KmsError import-invalid
 */
export function assertSoundRsa({ modulusBits }: RsaKeyType, key: KeyObject): void {
  const { publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (exponent < 65_537n || exponent % 2n === 0n || exponent >= 2n ** 256n)
    throw invalid('the public exponent must be odd, at least 65537 and less than 2^256');
  const der = key.export({ format: 'der', type: 'pkcs1' });
  try {
    // RSAPrivateKey is version, n, e, d, p, q and three more; with more than two primes it has a SEQUENCE besides: RFC 8017 §A.1.2.
    const [, modulus, , , p, q] = integersOf(der) ?? [];
    if (modulus === undefined || p === undefined || q === undefined)
      throw invalid('the material is not an RSA key of two primes');
    const halves = [p, q].every(({ length }) => length === modulusBits / 16);
    if (!halves || bufferView(p).equals(q) || !isProduct(modulus, p, q) || !isPrime(p) || !isPrime(q))
      throw invalid('the modulus must be the product of two different primes of half its length, and these be with it');
  } finally {
    der.fill(0);
  }
}

function isPrime(number: Uint8Array): boolean {
  return checkPrimeSync(number);
}

/** Tell whether a number is the product of two others, all of them octets in network order. */
function isProduct(product: Uint8Array, left: Uint8Array, right: Uint8Array): boolean {
  const octets = new Uint8Array(left.length + right.length);
  for (let row = left.length - 1; row >= 0; row--) {
    let carry = 0;
    for (let column = right.length - 1; column >= 0; column--) {
      const at = row + column + 1;
      const sum = (octets[at] ?? 0) + (left[row] ?? 0) * (right[column] ?? 0) + carry;
      octets[at] = sum;
      carry = sum >>> 8;
    }
    octets[row] = carry;
  }
  return bufferView(octets).equals(product);
}

function invalid(message: string): KmsError {
  return new KmsError('import-invalid', message);
}
