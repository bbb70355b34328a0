import { Buffer } from 'node:buffer';
import { utf8Bytes } from '#lib/bytes.ts';

const hexShape = /^(?:[0-9a-fA-F]{2})*$/;
/** Source: RFC 4648 §7. */
export const base32hexDigits = '0123456789abcdefghijklmnopqrstuv';

/**
 * Decode standard padded base64 strictly: another alphabet, missing padding, white space or set pad bits give
 * `undefined`, where `Buffer.from` would guess.
 *
 * Source: RFC 4648 §4.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  // There is one right spelling, so what does not come back as it went was not it.
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** Encode as standard padded base64. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

const base64Digits = utf8Bytes('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const base64Pad = 61;

/** Return how long the padded base64 of so many octets is. */
export function base64Length(octets: number): number {
  return Math.ceil(octets / 3) * 4;
}

/** Write the padded base64 of the octets from `start` to `end` into `target` at `offset`. Source: RFC 4648 §4. */
export function writeBase64(target: Uint8Array, offset: number, bytes: Uint8Array, start: number, end: number): void {
  let at = offset;
  for (let index = start; index < end; index += 3) {
    const [isPair, isTriple] = [index + 1 < end, index + 2 < end];
    const second = isPair ? (bytes[index + 1] as number) : 0;
    const bits = ((bytes[index] as number) << 16) | (second << 8) | (isTriple ? (bytes[index + 2] as number) : 0);
    target[at++] = base64Digits[bits >>> 18] as number;
    target[at++] = base64Digits[(bits >>> 12) & 63] as number;
    target[at++] = isPair ? (base64Digits[(bits >>> 6) & 63] as number) : base64Pad;
    target[at++] = isTriple ? (base64Digits[bits & 63] as number) : base64Pad;
  }
}

/** Encode a secret as the octets of its base64, so that it never is a string, which cannot be wiped. */
export function encodeBase64Octets(secret: Uint8Array): Uint8Array {
  const octets = new Uint8Array(base64Length(secret.length));
  writeBase64(octets, 0, secret, 0, secret.length);
  return octets;
}

/**
 * Decode padded base64 in octets strictly, for a secret, which must not become a string.
 *
 * Source: RFC 4648 §4.
 *
 * @returns undefined when they are anything else
 */
export function decodeBase64Octets(text: Uint8Array): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const pads = text.at(-1) !== base64Pad ? 0 : text.at(-2) !== base64Pad ? 1 : 2;
  const bytes = new Uint8Array((text.length / 4) * 3 - pads);
  let held = 0;
  let length = 0;
  for (const [at, octet] of text.subarray(0, text.length - pads).entries()) {
    const value = base64Digits.indexOf(octet);
    if (value < 0) return undefined;
    held = ((held << 6) | value) & 0x3fff;
    const spare = (3 - (at % 4)) * 2;
    if (spare < 6) bytes[length++] = held >> spare;
  }
  const padBits = held & (4 ** pads - 1);
  return padBits === 0 ? bytes : undefined;
}

/** Encode as unpadded base64url, the form of JSON Web Keys. Source: RFC 4648 §5. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** Decode base64url that this process made; what comes from outside is for `decodeBase64`. */
export function decodeBase64Url(text: string): Uint8Array {
  return Buffer.from(text, 'base64url');
}

/** Decode hexadecimal of either case; an odd length or another character gives `undefined`. */
export function decodeHex(text: string): Uint8Array | undefined {
  return hexShape.test(text) ? Buffer.from(text, 'hex') : undefined;
}

/** Encode as lower-case hexadecimal. */
export function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Decode unpadded base32hex of either case; another character, an impossible length or set pad bits give `undefined`. */
export function decodeBase32hex(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let filled = 0;
  let bits = 0;
  let value = 0;
  for (const character of text.toLowerCase()) {
    const digit = base32hexDigits.indexOf(character);
    if (digit < 0) return undefined;
    value = (value << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[filled++] = (value >>> bits) & 0xff;
      value &= (1 << bits) - 1;
    }
  }
  return bits >= 5 || value !== 0 ? undefined : bytes;
}
