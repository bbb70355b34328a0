import { createHash } from 'node:crypto';

/** The curve of RFC 8032 §5.1 in plain arithmetic, to make keys and signatures that no honest signer makes. */

export type Point = readonly [x: bigint, y: bigint];

export const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const prime = 2n ** 255n - 19n;
const signBit = 1n << 255n;

const mod = (value: bigint, modulus = prime): bigint => ((value % modulus) + modulus) % modulus;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let [factor, rest] = [mod(base), exponent]; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * factor);
    factor = mod(factor * factor);
  }
  return result;
}

const invert = (value: bigint): bigint => power(value, prime - 2n);
const d = mod(-121_665n * invert(121_666n));
const rootOfMinusOne = power(2n, (prime - 1n) / 4n);

export function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const product = mod(d * x1 * x2 * y1 * y2);
  return [mod((x1 * y2 + x2 * y1) * invert(1n + product)), mod((y1 * y2 + x1 * x2) * invert(1n - product))];
}

export function multiply(point: Point, times: bigint): Point {
  let result: Point = [0n, 1n];
  for (let [term, rest] = [point, times]; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, term);
    term = add(term, term);
  }
  return result;
}

/** Find the point with this y and an even x. */
function findPoint(y: bigint): Point | undefined {
  const [u, v] = [mod(y * y - 1n), mod(d * y * y + 1n)];
  let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (prime - 5n) / 8n));
  if (mod(v * x * x) !== u) x = mod(x * rootOfMinusOne);
  if (mod(v * x * x) !== u) return undefined;
  return [x & 1n ? mod(-x) : x, y];
}

/** B, which generates the points of prime order. */
export const base = findPoint(mod(4n * invert(5n))) as Point;

/** A point of order 8. */
export const torsion = findTorsion();

function findTorsion(): Point {
  for (let y = 2n; ; y++) {
    const point = findPoint(y);
    const small = point === undefined ? undefined : multiply(point, order);
    if (small !== undefined && multiply(small, 4n)[1] !== 1n) return small;
  }
}

export function integerOf(octets: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(octets.toReversed()).toString('hex')}`);
}

export function octetsOf(value: bigint): Buffer {
  return Buffer.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toReversed());
}

/** Encode a point in every way that reads as it when nothing is checked; the first is the right one. */
export function spellingsOf([x, y]: Point): readonly Buffer[] {
  const sign = x & 1n ? signBit : 0n;
  const high = y + prime < signBit ? [(y + prime) | sign] : [];
  const wrongSign = x === 0n ? [y | signBit, ...high.map((value) => value | signBit)] : [];
  return [y | sign, ...high, ...wrongSign].map(octetsOf);
}

/** SHA-512(R ‖ A ‖ M) modulo the order. */
export function challenge(point: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return integerOf(createHash('sha512').update(point).update(publicKey).update(message).digest()) % order;
}
