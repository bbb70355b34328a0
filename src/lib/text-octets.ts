import { Buffer } from 'node:buffer';
import type { Octets } from '#lib/octets.ts';

const firstOctets = 256;
const nothing = Buffer.allocUnsafeSlow(0);
/** Longer texts are copied by the system; shorter ones take less time than the call. */
const longText = 64;
const zero = 0x30;
const pad = 0x3d;
const base64Digits = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1');
const hexDigits = Buffer.from('0123456789ABCDEF', 'latin1');

/** ASCII text that is composed as octets, for what is printed by the million: no strings are made and joined on the way. */
export class TextOctets {
  readonly #room: number;
  #bytes = nothing;
  #length = 0;

  /** @param octets room at the beginning; it grows by itself */
  constructor(octets = firstOctets) {
    this.#room = octets;
  }

  /** Octets so far. */
  get length(): number {
    return this.#length;
  }

  /** Forget what stands behind the first octets. */
  shorten(length: number): void {
    this.#length = Math.min(length, this.#length);
  }

  /** Return what is there, as octets that nobody else holds, and begin anew with as much room. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = nothing;
    this.#length = 0;
    return taken;
  }

  toString(): string {
    return this.#bytes.toString('latin1', 0, this.#length);
  }

  /** Add one octet. */
  octet(code: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = code;
  }

  /** Add a text; what is no ASCII in it comes out wrong. */
  text(value: string): void {
    this.part(value, 0, value.length);
  }

  /** Add the part of a text from `start` to `end`. */
  part(value: string, start: number, end: number): void {
    const length = end - start;
    if (this.#length + length > this.#bytes.length) this.#grow(length);
    if (length > longText) {
      this.#bytes.write(value.slice(start, end), this.#length, length, 'latin1');
    } else {
      const bytes = this.#bytes;
      let at = this.#length;
      for (let index = start; index < end; index++) bytes[at++] = value.charCodeAt(index);
    }
    this.#length += length;
  }

  /** Add an unsigned integer in decimal. */
  number(value: number): void {
    if (value > 0xffffffff) return this.text(String(value));
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits += 1;
    return this.digits(value, digits);
  }

  /** Add the last `count` decimal digits of an unsigned integer, zeros in front. */
  digits(value: number, count: number): void {
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    const bytes = this.#bytes;
    let rest = value;
    for (let at = this.#length + count - 1; at >= this.#length; at--) {
      const tenth = Math.floor(rest / 10);
      bytes[at] = zero + rest - tenth * 10;
      rest = tenth;
    }
    this.#length += count;
  }

  /** Add octets as padded base64. Source: RFC 4648 §4. */
  base64(value: Octets, start: number, end: number): void {
    const length = Math.ceil((end - start) / 3) * 4;
    if (this.#length + length > this.#bytes.length) this.#grow(length);
    const bytes = this.#bytes;
    let at = this.#length;
    let index = start;
    for (; index + 2 < end; index += 3) {
      const bits = (value.charCodeAt(index) << 16) | (value.charCodeAt(index + 1) << 8) | value.charCodeAt(index + 2);
      bytes[at] = base64Digits[bits >>> 18] as number;
      bytes[at + 1] = base64Digits[(bits >>> 12) & 63] as number;
      bytes[at + 2] = base64Digits[(bits >>> 6) & 63] as number;
      bytes[at + 3] = base64Digits[bits & 63] as number;
      at += 4;
    }
    if (index < end) {
      const isLast = index + 1 === end;
      const bits = (value.charCodeAt(index) << 16) | (isLast ? 0 : value.charCodeAt(index + 1) << 8);
      bytes[at] = base64Digits[bits >>> 18] as number;
      bytes[at + 1] = base64Digits[(bits >>> 12) & 63] as number;
      bytes[at + 2] = isLast ? pad : (base64Digits[(bits >>> 6) & 63] as number);
      bytes[at + 3] = pad;
    }
    this.#length += length;
  }

  /** Add octets as upper-case hexadecimal. */
  hex(value: Octets, start: number, end: number): void {
    const length = (end - start) * 2;
    if (this.#length + length > this.#bytes.length) this.#grow(length);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = start; index < end; index++) {
      const code = value.charCodeAt(index);
      bytes[at++] = hexDigits[code >>> 4] as number;
      bytes[at++] = hexDigits[code & 15] as number;
    }
    this.#length = at;
  }

  #grow(octets: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#room, this.#length + octets, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Compose a text. */
export function textOf(print: (out: TextOctets) => void): string {
  const out = new TextOctets();
  print(out);
  return out.toString();
}
