/**
 * Multiply a secret scalar by a factor, modulo an odd number, in time that does not depend on the scalar.
 *
 * Montgomery's method over digits of 15 bits: each intermediate is below 2³¹, which the engine holds as a small integer
 * whatever its value, so that no digit changes what machine code runs. There is no branch and no index that depends on
 * a digit. A BigInt would give no such promise, and could not be wiped.
 */
const digitBits = 15;
const digitMask = (1 << digitBits) - 1;

/**
 * Return `scalar · factor mod order`, as long as `scalar`. The caller wipes it.
 *
 * @param scalar - big-endian, below the order.
 * @param factor - below the order; not protected.
 */
export function multiplyScalar(scalar: Uint8Array, factor: bigint, order: bigint): Uint8Array {
  const count = Math.ceil((8 * scalar.length) / digitBits) + 1;
  const modulus = digitsOf(order, count);
  // With the factor in Montgomery form the one product is the plain one.
  const multiplier = digitsOf((factor << BigInt(count * digitBits)) % order, count);
  const secret = digitsOfOctets(scalar, count);
  const product = new Int32Array(count + 2);
  const reduced = new Int32Array(count);
  try {
    multiplyInto(product, secret, multiplier, modulus);
    subtractOnce(reduced, product, modulus);
    return octetsOfDigits(reduced, scalar.length);
  } finally {
    for (const digits of [secret, product, reduced]) digits.fill(0);
  }
}

/** Interleaved multiplication and reduction; the product is below twice the modulus. */
function multiplyInto(product: Int32Array, left: Int32Array, right: Int32Array, modulus: Int32Array): void {
  const count = modulus.length;
  const inverse = negativeInverse(at(modulus, 0));
  for (let row = 0; row < count; row++) {
    addMultiple(product, right, at(left, row));
    addMultiple(product, modulus, Math.imul(at(product, 0), inverse) & digitMask);
    // The lowest digit is 0 now: shift it out.
    for (let index = 0; index <= count; index++) product[index] = at(product, index + 1);
    product[count + 1] = 0;
  }
}

function addMultiple(target: Int32Array, digits: Int32Array, factor: number): void {
  const count = digits.length;
  let carry = 0;
  for (let index = 0; index < count; index++) {
    const sum = at(target, index) + Math.imul(at(digits, index), factor) + carry;
    target[index] = sum & digitMask;
    carry = sum >>> digitBits;
  }
  const sum = at(target, count) + carry;
  target[count] = sum & digitMask;
  target[count + 1] = at(target, count + 1) + (sum >>> digitBits);
}

/** Subtract the modulus where the value is not below it, always doing both and choosing by a mask. */
function subtractOnce(target: Int32Array, value: Int32Array, modulus: Int32Array): void {
  const count = modulus.length;
  let borrow = 0;
  for (let index = 0; index < count; index++) {
    const difference = at(value, index) - at(modulus, index) - borrow;
    target[index] = difference & digitMask;
    borrow = (difference >>> 31) & 1;
  }
  borrow = ((at(value, count) - borrow) >>> 31) & 1;
  const keep = -borrow; // all ones where the value was below the modulus
  for (let index = 0; index < count; index++) {
    target[index] = (at(value, index) & keep) | (at(target, index) & ~keep);
  }
}

/** Return −1 ⁄ digit modulo 2¹⁵ for an odd digit. */
function negativeInverse(digit: number): number {
  let inverse = 1;
  for (let round = 0; round < 4; round++) {
    inverse = Math.imul(inverse, 2 - (Math.imul(digit, inverse) & digitMask)) & digitMask;
  }
  return -inverse & digitMask;
}

function digitsOf(value: bigint, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) =>
    Number((value >> BigInt(index * digitBits)) & BigInt(digitMask)),
  );
}

function digitsOfOctets(octets: Uint8Array, count: number): Int32Array {
  const digits = new Int32Array(count);
  for (let bit = 0; bit < 8 * octets.length; bit++) {
    const octet = octets[octets.length - 1 - (bit >> 3)] ?? 0;
    const index = Math.floor(bit / digitBits);
    digits[index] = at(digits, index) | (((octet >> (bit & 7)) & 1) << (bit % digitBits));
  }
  return digits;
}

function octetsOfDigits(digits: Int32Array, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  for (let bit = 0; bit < 8 * length; bit++) {
    const value = (at(digits, Math.floor(bit / digitBits)) >> (bit % digitBits)) & 1;
    const index = length - 1 - (bit >> 3);
    octets[index] = (octets[index] ?? 0) | (value << (bit & 7));
  }
  return octets;
}

/** Every index is within bounds by the loops above. */
function at(digits: Int32Array, index: number): number {
  return digits[index] as number;
}
