import { isIPv4, isIPv6 } from 'node:net';
import { decodeHex } from '#lib/encoding.ts';
import { type Octets, octetsFrom, octetsToHex, readUint16, sliceOctets, uint16 } from '#lib/octets.ts';
import { type Field, fixedEnd, printedAs, wrongWord } from '#dns/rdata/field.ts';

const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;

/** Parse dotted decimal; anything else gives `undefined`. */
export function parseIpv4(text: string): Octets | undefined {
  if (!isIPv4(text)) return undefined;
  const ends = [text.indexOf('.')];
  for (let part = 0; part < 2; part++) ends.push(text.indexOf('.', (ends[part] as number) + 1));
  const [first = 0, second = 0, third = 0] = ends;
  return String.fromCharCode(
    Number(text.slice(0, first)),
    Number(text.slice(first + 1, second)),
    Number(text.slice(second + 1, third)),
    Number(text.slice(third + 1)),
  ) as Octets;
}

export function formatIpv4(wire: Octets, start: number): string {
  const octet = (index: number) => wire.charCodeAt(start + index);
  return `${octet(0)}.${octet(1)}.${octet(2)}.${octet(3)}`;
}

/** Parse an IPv6 address without a zone; anything else gives `undefined`. Source: RFC 4291 §2.2. */
export function parseIpv6(text: string): Octets | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const dotted = text.includes('.') ? text.lastIndexOf(':') + 1 : text.length;
  const octets: number[] = [];
  /** Where zeros were left out. */
  let gap = -1;
  let group = 0;
  let digits = 0;
  for (let index = 0; index < dotted; index++) {
    const code = text.charCodeAt(index);
    if (code !== colon) {
      group = group * 16 + (code <= nine ? code - zero : (code & 0xf) + 9);
      digits += 1;
      continue;
    }
    if (digits > 0) octets.push(group >>> 8, group & 0xff);
    if (text.charCodeAt(index + 1) === colon) gap = octets.length;
    group = digits = 0;
  }
  if (digits > 0) octets.push(group >>> 8, group & 0xff);
  for (let start = dotted; start < text.length; start = text.indexOf('.', start) + 1 || text.length)
    octets.push(Number.parseInt(text.slice(start), 10));
  const leftOut = Array.from({ length: 16 - octets.length }, () => 0);
  return String.fromCharCode(...octets.slice(0, gap), ...leftOut, ...octets.slice(gap)) as Octets;
}

/** Format with the first longest run of zero groups shortened. Source: RFC 5952 §4. */
export function formatIpv6(wire: Octets, start: number): string {
  let bestStart = 8;
  let bestLength = 1;
  for (let index = 0; index < 8; index++) {
    let length = 0;
    while (index + length < 8 && readUint16(wire, start + (index + length) * 2) === 0) length += 1;
    if (length > bestLength) {
      bestStart = index;
      bestLength = length;
    }
    index += length;
  }
  if (bestLength < 2) return formatGroups(wire, start, 0, 8);
  return `${formatGroups(wire, start, 0, bestStart)}::${formatGroups(wire, start, bestStart + bestLength, 8)}`;
}

function formatGroups(wire: Octets, start: number, from: number, to: number): string {
  let text = '';
  for (let index = from; index < to; index++)
    text += (index === from ? '' : ':') + readUint16(wire, start + index * 2).toString(16);
  return text;
}

export const ipv4Field: Field = {
  parse(tokens) {
    const word = tokens.next('an IPv4 address');
    const address = parseIpv4(word);
    if (address === undefined) throw wrongWord(word, 'an IPv4 address');
    return address;
  },
  end: (wire, start) => fixedEnd(wire, start, 4, 'an IPv4 address'),
  print(wire, start, _end, out) {
    for (let index = 0; index < 4; index++) {
      if (index > 0) out.octet(0x2e);
      out.number(wire.charCodeAt(start + index));
    }
  },
};

export const ipv6Field: Field = {
  parse(tokens) {
    const word = tokens.next('an IPv6 address');
    const address = parseIpv6(word);
    if (address === undefined) throw wrongWord(word, 'an IPv6 address');
    return address;
  },
  end: (wire, start) => fixedEnd(wire, start, 16, 'an IPv6 address'),
  print: printedAs(formatIpv6),
};

/** Octets written as hex pairs with `-` between them. Source: RFC 7043 §3.2. */
export const dashedHexField = (octets: number, example: string): Field => ({
  parse(tokens) {
    const word = tokens.next(`an address such as ${example}`);
    const bytes = /^[0-9a-f]{2}(?:-[0-9a-f]{2})*$/i.test(word) ? decodeHex(word.replaceAll('-', '')) : undefined;
    if (bytes?.length !== octets) throw wrongWord(word, `an address such as ${example}`);
    return octetsFrom(bytes);
  },
  end: (wire, start) => fixedEnd(wire, start, octets, 'an address'),
  print: printedAs((wire, start, end) => (octetsToHex(sliceOctets(wire, start, end)).match(/../g) ?? []).join('-')),
});

/** A 64-bit identifier as four hex groups. Source: RFC 6742 §2.1. */
export const identifierField: Field = {
  parse(tokens) {
    const word = tokens.next('a 64-bit identifier');
    if (!/^[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){3}$/i.test(word))
      throw wrongWord(word, 'four hex groups with ":" between them');
    return word
      .split(':')
      .map((group) => uint16(Number.parseInt(group, 16)))
      .join('') as Octets;
  },
  end: (wire, start) => fixedEnd(wire, start, 8, 'a 64-bit identifier'),
  print: printedAs((wire, start) =>
    [0, 2, 4, 6]
      .map((index) =>
        readUint16(wire, start + index)
          .toString(16)
          .padStart(4, '0'),
      )
      .join(':'),
  ),
};
