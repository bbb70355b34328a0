/** The little of DER that signatures and private keys need. */

/**
 * Turn an ECDSA-Sig-Value in DER into r‖s of fixed length; undefined when it is anything but the one right encoding of
 * two integers that are not negative and fit.
 *
 * Source: RFC 3279 §2.2.3.
 *
 * @param scalarBytes - octets of r, and of s.
 */
export function p1363FromDer(der: Uint8Array, scalarBytes: number): Uint8Array | undefined {
  const fixed = new Uint8Array(2 * scalarBytes);
  return placeP1363(der, scalarBytes, fixed, 0) ? fixed : undefined;
}

/** Turn an ECDSA-Sig-Value into r‖s as `p1363FromDer` does, at `start` of zeroed octets; false where that gives undefined. */
export function placeP1363(der: Uint8Array, scalarBytes: number, target: Uint8Array, start: number): boolean {
  const content = contentOf(der, 0, 0x30);
  if (content === undefined || content.end !== der.length) return false;
  const r = contentOf(der, content.start, 0x02);
  if (r === undefined) return false;
  const s = contentOf(der, r.end, 0x02);
  if (s === undefined || s.end !== der.length) return false;
  const middle = start + scalarBytes;
  return placeInteger(der, r, target, start, middle) && placeInteger(der, s, target, middle, middle + scalarBytes);
}

/** Turn r‖s into an ECDSA-Sig-Value in DER; undefined unless it is `2 * scalarBytes` long. */
export function derFromP1363(fixed: Uint8Array, scalarBytes: number): Uint8Array | undefined {
  if (fixed.length !== 2 * scalarBytes) return undefined;
  const r = unsignedInteger(fixed.subarray(0, scalarBytes));
  const s = unsignedInteger(fixed.subarray(scalarBytes));
  return element(0x30, r, s);
}

/** What an ECPrivateKey is made of, as views of it. */
export interface EcPrivateKeyParts {
  readonly scalar: Uint8Array;
  /** The element that names the curve. */
  readonly curve: Uint8Array;
}

/**
 * Take an ECPrivateKey apart; undefined where it does not name its curve but spells it out.
 *
 * Source: RFC 5915 §3.
 */
export function partsOfSec1(der: Uint8Array): EcPrivateKeyParts | undefined {
  const content = contentOf(der, 0, 0x30);
  const version = content && contentOf(der, content.start, 0x02);
  const scalar = version && contentOf(der, version.end, 0x04);
  if (scalar === undefined) return undefined;
  const curve = contentOf(der, scalar.end, 0xa0);
  if (curve === undefined || contentOf(der, curve.start, 0x06)?.end !== curve.end) return undefined;
  return { scalar: der.subarray(scalar.start, scalar.end), curve: der.subarray(scalar.end, curve.end) };
}

/** Compose an ECPrivateKey. The caller wipes it. @param point - the public key, uncompressed; left out where it is not known. */
export function composeSec1({ scalar, curve }: EcPrivateKeyParts, point?: Uint8Array): Uint8Array {
  const octets = element(0x04, scalar);
  const publicKey = point === undefined ? [] : [element(0xa1, element(0x03, Uint8Array.of(0), point))];
  const der = element(0x30, element(0x02, Uint8Array.of(1)), octets, curve, ...publicKey);
  octets.fill(0);
  return der;
}

/** Find the numbers of a SEQUENCE that has nothing but INTEGERs, as views without leading zeros; undefined for any other. */
export function integersOf(der: Uint8Array): readonly Uint8Array[] | undefined {
  const content = contentOf(der, 0, 0x30);
  if (content === undefined || content.end !== der.length) return undefined;
  const integers: Uint8Array[] = [];
  for (let at = content.start; at < content.end;) {
    const integer = contentOf(der, at, 0x02);
    if (integer === undefined) return undefined;
    const isPadded = integer.end - integer.start > 1 && der[integer.start] === 0;
    integers.push(der.subarray(integer.start + (isPadded ? 1 : 0), integer.end));
    at = integer.end;
  }
  return integers;
}

/** What stands before the seed in the shortest PKCS#8 of an Ed25519 key. */
const ed25519Prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const ed25519SeedOctets = 32;

/**
 * Find the seed of an Ed25519 key's PKCS#8, as a view of it; undefined for another key, and where the structure has more
 * in it, such as attributes or the public key.
 *
 * Source: RFC 8410 §7.
 */
export function ed25519SeedOf(pkcs8: Uint8Array): Uint8Array | undefined {
  const isPlain =
    pkcs8.length === ed25519Prefix.length + ed25519SeedOctets &&
    ed25519Prefix.every((octet, index) => pkcs8[index] === octet);
  return isPlain ? pkcs8.subarray(ed25519Prefix.length) : undefined;
}

/** Tell whether the octets are one DER element of the given tag with nothing behind it. */
export function isOneElement(der: Uint8Array, tag: number): boolean {
  return contentOf(der, 0, tag)?.end === der.length;
}

/** Compose a DER element. Long-form lengths go up to 65 535 octets. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  let offset = header.length;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Find the content of the element at `offset`; undefined for another tag or a length that is not minimal or too long. */
function contentOf(der: Uint8Array, offset: number, tag: number): Range | undefined {
  const first = der[offset + 1];
  if (der[offset] !== tag || first === undefined) return undefined;
  let start = offset + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count < 1 || count > 3) return undefined;
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + (der[start + index] ?? 0);
    if (length < 0x80 || length < 256 ** (count - 1)) return undefined;
    start += count;
  }
  return start + length <= der.length ? { start, end: start + length } : undefined;
}

/** Copy an unsigned integer to the right end of a place; false when it is negative, padded or too long. */
function placeInteger(der: Uint8Array, range: Range, target: Uint8Array, from: number, end: number): boolean {
  let { start } = range;
  const first = der[start];
  if (range.end === start || first === undefined || first >= 0x80) return false;
  if (first === 0 && range.end - start > 1) {
    if ((der[start + 1] ?? 0) < 0x80) return false;
    start++;
  }
  if (range.end - start > end - from) return false;
  let position = end - (range.end - start);
  for (let index = start; index < range.end; index++) target[position++] = der[index] ?? 0;
  return true;
}

/** Encode a number that is not negative, from its octets, the first of which may be zeros. */
export function unsignedInteger(scalar: Uint8Array): Uint8Array {
  let start = 0;
  while (start < scalar.length - 1 && scalar[start] === 0) start++;
  const digits = scalar.subarray(start);
  return (digits[0] ?? 0) >= 0x80 ? element(0x02, Uint8Array.of(0), digits) : element(0x02, digits);
}
