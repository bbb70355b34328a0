import { Buffer } from 'node:buffer';
import { base32hexDigits } from '#lib/encoding.ts';

declare const octets: unique symbol;

/**
 * An immutable run of octets, held as a string with one code unit (0–255) per octet.
 *
 * DNS data is held this way and not as `Uint8Array`: such a string takes a third of the memory, compares by value with
 * `===`, sorts as unsigned octets with `<`, and is a `Map` key as it is. Key material is never an `Octets`.
 */
export type Octets = string & { readonly [octets]: true };

const scratch = Buffer.alloc(65_536);

const shortRun = 128;
/** Octets of a string from which the call of the system is worth the `Buffer` that it takes. */
const longRun = 200;

/** Copy octets out of a byte array; `start` and `end` are indexes into it. */
export function octetsFrom(bytes: Uint8Array, start = 0, end = bytes.length): Octets {
  if (end - start <= shortRun && end <= bytes.length) {
    // The buffer of a small array is made only when somebody asks for it, which takes longer than this.
    for (let index = start; index < end; index++) scratch[index - start] = bytes[index] as number;
    return scratch.toString('latin1', 0, end - start) as Octets;
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end) as Octets;
}

/** Return octets with those of a byte array from `start` to `end` behind them, as one flat string. */
export function withBytes(value: Octets, bytes: Uint8Array, start: number, end: number): Octets {
  const length = value.length + end - start;
  if (length > scratch.length) return (value + octetsFrom(bytes, start, end)) as Octets;
  let at = writeOctets(scratch, value, 0);
  for (let index = start; index < end; index++) scratch[at++] = bytes[index] as number;
  return scratch.toString('latin1', 0, length) as Octets;
}

/** Copy octets into a new byte array. */
export function bytesFrom(value: Octets): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(value.length);
  writeOctets(bytes, value, 0);
  return bytes;
}

/** Write octets into `target` at `offset` and return the offset after them. @throws RangeError when they do not fit. */
export function writeOctets(target: Uint8Array, value: Octets, offset: number): number {
  const end = offset + value.length;
  if (end > target.length) throw new RangeError(`${value.length} octets do not fit at ${offset} of ${target.length}`);
  if (value.length > longRun) {
    Buffer.from(target.buffer, target.byteOffset, target.byteLength).write(value, offset, value.length, 'latin1');
  } else {
    for (let index = 0; index < value.length; index++) target[offset + index] = value.charCodeAt(index);
  }
  return end;
}

/** Encode a text in UTF-8. */
export function utf8Octets(text: string): Octets {
  return Buffer.from(text, 'utf8').toString('latin1') as Octets;
}

/** Make an `Octets` of numbers 0–255. */
export function octetsOf(...values: number[]): Octets {
  return String.fromCharCode(...values) as Octets;
}

/** Join octets in order. */
export function joinOctets(...parts: Octets[]): Octets {
  return parts.join('') as Octets;
}

/** Return `length` octets from `start`. */
export function sliceOctets(value: Octets, start: number, end: number = value.length): Octets {
  return value.slice(start, end) as Octets;
}

/** Compose an unsigned 16-bit integer in network order. */
export function uint16(value: number): Octets {
  return String.fromCharCode((value >>> 8) & 0xff, value & 0xff) as Octets;
}

/** Compose an unsigned 32-bit integer in network order. */
export function uint32(value: number): Octets {
  return String.fromCharCode(
    (value >>> 24) & 0xff,
    (value >>> 16) & 0xff,
    (value >>> 8) & 0xff,
    value & 0xff,
  ) as Octets;
}

/** Read an unsigned 16-bit integer in network order. */
export function readUint16(value: Octets, offset: number): number {
  return (value.charCodeAt(offset) << 8) | value.charCodeAt(offset + 1);
}

/** Read an unsigned 32-bit integer in network order. */
export function readUint32(value: Octets, offset: number): number {
  return ((readUint16(value, offset) << 16) | readUint16(value, offset + 2)) >>> 0;
}

/** Encode octets as standard padded base64. */
export function octetsToBase64(value: Octets): string {
  if (value.length > scratch.length) return Buffer.from(value, 'latin1').toString('base64');
  scratch.write(value, 0, 'latin1');
  return scratch.toString('base64', 0, value.length);
}

/** Encode octets as lower-case hexadecimal. */
export function octetsToHex(value: Octets): string {
  if (value.length > scratch.length) return Buffer.from(value, 'latin1').toString('hex');
  scratch.write(value, 0, 'latin1');
  return scratch.toString('hex', 0, value.length);
}

const base32hexOctets = Buffer.from(base32hexDigits, 'latin1');

/**
 * Encode octets as lower-case base32 with the extended hex alphabet, without padding, as NSEC3 owner names need it.
 *
 * Source: RFC 4648 §7, RFC 5155 §3.3.
 *
 * @param value up to 255 octets
 */
export function octetsToBase32hex(value: Octets): string {
  let digits = 0;
  let bits = 0;
  let held = 0;
  for (let index = 0; index < value.length; index++) {
    held = (held << 8) | value.charCodeAt(index);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      scratch[digits++] = base32hexOctets[(held >>> bits) & 31] as number;
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) scratch[digits++] = base32hexOctets[(held << (5 - bits)) & 31] as number;
  return scratch.toString('latin1', 0, digits);
}

/**
 * Return the same octets as a string of their own. Pieces that were cut out of a larger string or joined of several keep
 * those alive; a flat copy does not, which matters for what is kept by the million.
 */
export function flatOctets<Value extends Octets>(value: Value): Value {
  if (value.length > scratch.length) return Buffer.from(value, 'latin1').toString('latin1') as Value;
  scratch.write(value, 0, value.length, 'latin1');
  return scratch.toString('latin1', 0, value.length) as Value;
}
