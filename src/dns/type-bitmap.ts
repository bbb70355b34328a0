import type { Octets } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import type { RRType } from '#dns/rr-type.ts';

const maxWindowOctets = 32;

/**
 * Compose the type bitmap of NSEC, NSEC3 and CSYNC: windows ascending, no empty one, no trailing zero octets. No types
 * give no octets, as an empty non-terminal's NSEC3 needs it.
 *
 * Source: RFC 4034 §4.1.2.
 */
export function composeTypeBitmap(types: Iterable<RRType>): Octets {
  const sorted = [...types].toSorted((left, right) => left - right);
  let bitmap = '';
  let window = -1;
  let octets: number[] = [];
  for (const type of sorted) {
    if (type >>> 8 !== window) {
      if (octets.length > 0) bitmap += String.fromCharCode(window, octets.length, ...octets);
      window = type >>> 8;
      octets = [];
    }
    const octet = (type & 0xff) >>> 3;
    while (octets.length <= octet) octets.push(0);
    octets[octet] = (octets[octet] as number) | (0x80 >>> (type & 7));
  }
  if (octets.length > 0) bitmap += String.fromCharCode(window, octets.length, ...octets);
  return bitmap as Octets;
}

/**
 * Return the types of a bitmap in ascending order.
 *
 * Source: RFC 4034 §4.1.2.
 *
 * @throws DnsError rdata-invalid when a window is cut short, empty, out of order or ends in a zero octet
 */
export function parseTypeBitmap(bitmap: Octets): RRType[] {
  const types: RRType[] = [];
  let lastWindow = -1;
  for (let position = 0; position < bitmap.length;) {
    const window = bitmap.charCodeAt(position);
    const length = bitmap.charCodeAt(position + 1);
    const end = position + 2 + length;
    if (Number.isNaN(length) || end > bitmap.length) throw malformed(`window ${window} is cut short`);
    if (window <= lastWindow) throw malformed(`window ${window} follows window ${lastWindow}`);
    if (length === 0 || length > maxWindowOctets) throw malformed(`window ${window} has ${length} octets, not 1 to 32`);
    if (bitmap.charCodeAt(end - 1) === 0) throw malformed(`window ${window} ends in a zero octet`);
    for (let index = 0; index < length * 8; index++) {
      if ((bitmap.charCodeAt(position + 2 + (index >>> 3)) & (0x80 >>> (index & 7))) !== 0)
        types.push((window << 8) | index);
    }
    lastWindow = window;
    position = end;
  }
  return types;
}

function malformed(why: string): DnsError {
  return new DnsError('rdata-invalid', `the type bitmap is malformed: ${why}`);
}
