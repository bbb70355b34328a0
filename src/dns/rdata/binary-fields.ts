import { decodeBase32hex, decodeBase64, decodeHex } from '#lib/encoding.ts';
import { flatOctets, type Octets, octetsFrom, octetsToBase32hex, sliceOctets } from '#lib/octets.ts';
import { composeTypeBitmap, parseTypeBitmap } from '#dns/type-bitmap.ts';
import { DnsError } from '#dns/errors.ts';
import { findRRType, formatRRType, isMetaType } from '#dns/rr-type.ts';
import { type Field, fixedEnd, printedAs, wrongWord } from '#dns/rdata/field.ts';
import type { Tokens } from '#dns/rdata/tokens.ts';

/** Join the words that are left; base64 and hex may be split by white space anywhere. */
export function restOf(tokens: Tokens, expected: string): string {
  let text = tokens.next(expected);
  for (let word = tokens.tryNext(); word !== undefined; word = tokens.tryNext()) text += word;
  return text;
}

function notEmpty(wire: Octets, start: number, what: string): number {
  if (wire.length <= start) throw new DnsError('rdata-invalid', `the RDATA is cut short: ${what} is missing`);
  return wire.length;
}

/** Base64 up to the end. */
export const base64Field = (name: string): Field => ({
  parse(tokens) {
    const text = restOf(tokens, `${name} in base64`);
    const bytes = decodeBase64(text);
    if (bytes === undefined || bytes.length === 0) throw wrongWord(text, `${name} in base64`);
    return octetsFrom(bytes);
  },
  end: (wire, start) => notEmpty(wire, start, name),
  print(wire, start, end, out) {
    out.base64(wire, start, end);
  },
});

/** Base64 up to the end, or nothing at all. */
export const optionalBase64Field = (name: string): Field => ({
  ...base64Field(name),
  parse: (tokens) => (tokens.remaining === 0 ? ('' as Octets) : base64Field(name).parse(tokens)),
  end: (wire) => wire.length,
});

/** Hex up to the end. */
export const hexField = (name: string): Field => ({
  parse(tokens) {
    const text = restOf(tokens, `${name} in hex`);
    const bytes = decodeHex(text);
    if (bytes === undefined || bytes.length === 0) throw wrongWord(text, `${name} in hex`);
    return octetsFrom(bytes);
  },
  end: (wire, start) => notEmpty(wire, start, name),
  print(wire, start, end, out) {
    out.hex(wire, start, end);
  },
});

function lengthPrefixed(wire: Octets, start: number, what: string): number {
  const lengthEnd = fixedEnd(wire, start, 1, what);
  return fixedEnd(wire, lengthEnd, wire.charCodeAt(start), what);
}

const withLength = (value: Octets): Octets => (String.fromCharCode(value.length) + value) as Octets;

/** The salt of NSEC3, a length octet and up to 255 octets; `-` is none. Source: RFC 5155 §3.3. */
export const saltField: Field = {
  parse(tokens) {
    const word = tokens.next('a salt in hex, or -');
    const bytes = word === '-' ? new Uint8Array() : decodeHex(word);
    if (bytes === undefined || bytes.length > 255) throw wrongWord(word, 'a salt in hex, or -');
    return withLength(octetsFrom(bytes));
  },
  end: (wire, start) => lengthPrefixed(wire, start, 'the salt'),
  print(wire, start, end, out) {
    if (end === start + 1) out.text('-');
    else out.hex(wire, start + 1, end);
  },
};

/** The next hashed owner name of NSEC3. Source: RFC 5155 §3.3. */
export const hashedNameField: Field = {
  parse(tokens) {
    const word = tokens.next('a hashed owner name in base32hex');
    const bytes = decodeBase32hex(word);
    if (bytes === undefined || bytes.length === 0 || bytes.length > 255)
      throw wrongWord(word, 'a hashed owner name in base32hex');
    return withLength(octetsFrom(bytes));
  },
  end(wire, start) {
    const end = lengthPrefixed(wire, start, 'the next hashed owner name');
    if (end === start + 1) throw new DnsError('rdata-invalid', 'the next hashed owner name is empty');
    return end;
  },
  print: printedAs((wire, start, end) => octetsToBase32hex(sliceOctets(wire, start + 1, end))),
};

/** Bitmaps as they are printed: a zone has few kinds of names. */
const bitmapTexts = new Map<Octets, string>();
const mostBitmapTexts = 1000;

/** The types that exist at a name, up to the end. Source: RFC 4034 §4.1.2. */
export const typeBitmapField: Field = {
  parse(tokens) {
    const types: number[] = [];
    for (let word = tokens.tryNext(); word !== undefined; word = tokens.tryNext()) {
      const type = findRRType(word);
      if (type === undefined || isMetaType(type)) throw wrongWord(word, 'an RR type that a zone can hold');
      if (!types.includes(type)) types.push(type);
    }
    return composeTypeBitmap(types);
  },
  end(wire, start) {
    bitmapText(sliceOctets(wire, start));
    return wire.length;
  },
  print: printedAs((wire, start, end) => bitmapText(sliceOctets(wire, start, end))),
};

/** Format a bitmap. @throws DnsError rdata-invalid when it is none */
function bitmapText(bitmap: Octets): string {
  let text = bitmapTexts.get(bitmap);
  if (text === undefined) {
    text = parseTypeBitmap(bitmap).map(formatRRType).join(' ');
    if (bitmapTexts.size >= mostBitmapTexts) bitmapTexts.clear();
    bitmapTexts.set(flatOctets(bitmap), text);
  }
  return text;
}
