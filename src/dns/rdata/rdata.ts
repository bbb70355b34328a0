import { decodeHex } from '#lib/encoding.ts';
import { flatOctets, type Octets, octetsFrom, sliceOctets, utf8Octets } from '#lib/octets.ts';
import { type TextOctets, textOf } from '#lib/text-octets.ts';
import { DnsError } from '#dns/errors.ts';
import { canonicalName, type Name } from '#dns/name.ts';
import { formatRRType, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { restOf } from '#dns/rdata/binary-fields.ts';
import { type Field, wrongWord } from '#dns/rdata/field.ts';
import { findSchema } from '#dns/rdata/schemas.ts';
import { Tokens } from '#dns/rdata/tokens.ts';
import { Tokenizer } from '#dns/zone-file/tokenizer.ts';

const maxRdata = 65_535;

/**
 * Parse the words of a record's RDATA, in the type's own form or as `\# length hex`; a type without a schema has only the
 * latter. The octets of `\#` must be valid for a type that has a schema.
 *
 * Source: RFC 1035 §5.1, RFC 3597 §5.
 *
 * @throws DnsError rdata-invalid, name-invalid
 */
export function parseRdata(type: RRType, tokens: Tokens): Rdata {
  if (tokens.peek() === '\\#' && !tokens.nextIsQuoted) return rdataFromWire(type, parseGeneric(tokens));
  const schema = findSchema(type);
  if (schema === undefined) {
    throw new DnsError(
      'rdata-invalid',
      `${formatRRType(type)} has no text form here: write its RDATA as \\# length hex`,
    );
  }
  let wire = '';
  for (const field of schema) wire += field.parse(tokens);
  const extra = tokens.tryNext();
  if (extra !== undefined) throw wrongWord(extra, `the end of the ${formatRRType(type)} record`);
  if (wire.length > maxRdata) throw tooLong(wire.length);
  return wire as Rdata;
}

/**
 * Parse RDATA from a text of its own, as an API gives it.
 *
 * @throws DnsError rdata-invalid, name-invalid
 */
export function parseRdataText(type: RRType, text: string, origin?: Name): Rdata {
  const tokens = new Tokens();
  const tokenizer = new Tokenizer('rdata', tokens);
  tokenizer.feed(utf8Octets(text));
  tokenizer.end();
  if (tokenizer.next() === 'end') throw new DnsError('rdata-invalid', 'the RDATA is empty');
  tokens.origin = origin;
  const rdata = flatOctets(parseRdata(type, tokens));
  if (tokenizer.next() !== 'end') throw new DnsError('rdata-invalid', 'the RDATA holds more than one record');
  return rdata;
}

function parseGeneric(tokens: Tokens): Octets {
  tokens.next('\\#');
  const lengthWord = tokens.next('the length of the RDATA in octets');
  if (!/^\d{1,5}$/.test(lengthWord)) throw wrongWord(lengthWord, 'the length of the RDATA in octets');
  const text = tokens.remaining === 0 ? '' : restOf(tokens, 'the RDATA in hex');
  const bytes = decodeHex(text);
  if (bytes === undefined) throw wrongWord(text, 'the RDATA in hex');
  if (bytes.length !== Number(lengthWord)) {
    throw new DnsError('rdata-invalid', `\\# says ${lengthWord} octets and ${bytes.length} follow`);
  }
  return octetsFrom(bytes);
}

function tooLong(length: number): DnsError {
  return new DnsError('rdata-invalid', `the RDATA has ${length} octets, at most ${maxRdata} fit`);
}

/**
 * Check that octets are whole and valid RDATA of a type and return them as such.
 *
 * @throws DnsError rdata-invalid, name-invalid
 */
export function rdataFromWire(type: RRType, wire: Octets): Rdata {
  if (wire.length > maxRdata) throw tooLong(wire.length);
  const schema = findSchema(type);
  if (schema !== undefined) {
    let position = 0;
    for (const field of schema) position = field.end(wire, position);
    if (position !== wire.length) {
      throw new DnsError(
        'rdata-invalid',
        `${wire.length - position} octets follow the end of the ${formatRRType(type)} RDATA`,
      );
    }
  }
  return wire as Rdata;
}

/** Format in the type's own form with absolute names, or as `\# length hex` where there is none. */
export function formatRdata(type: RRType, rdata: Rdata): string {
  return textOf((out) => printRdata(type, rdata, out));
}

/** Print what `formatRdata` formats. */
export function printRdata(type: RRType, rdata: Rdata, out: TextOctets): void {
  const start = out.length;
  if (printFields(findSchema(type), rdata, out)) return;
  out.shorten(start);
  out.text(`\\# ${rdata.length}`);
  if (rdata !== '') out.text(' ');
  out.hex(rdata, 0, rdata.length);
}

const space = 0x20;

/** Print the fields of a schema. @returns whether what is printed is read back as the same octets */
function printFields(schema: readonly Field[] | undefined, rdata: Rdata, out: TextOctets): boolean {
  if (schema === undefined) return false;
  const start = out.length;
  let position = 0;
  for (const field of schema) {
    const end = field.end(rdata, position);
    const before = out.length;
    if (before > start) out.octet(space);
    const wordStart = out.length;
    if (field.print(rdata, position, end, out) === false) return false;
    if (out.length === wordStart) out.shorten(before);
    position = end;
  }
  return true;
}

const typesWithLowerCasedNames = new Map<RRType, boolean>();

function hasLowerCasedNames(type: RRType): boolean {
  const known = typesWithLowerCasedNames.get(type);
  if (known !== undefined) return known;
  const has = findSchema(type)?.some((field) => field.lowerCased === true) ?? false;
  typesWithLowerCasedNames.set(type, has);
  return has;
}

const anyUpperCase = /[A-Z]/;

/**
 * Return the canonical form of RDATA: the names of the types that the rule lists in lower case, all else as it is. RDATA
 * that is canonical already comes back as the same string.
 *
 * Source: RFC 4034 §6.2, RFC 6840 §5.1.
 */
export function canonicalRdata(type: RRType, rdata: Rdata): Rdata {
  if (!hasLowerCasedNames(type) || !anyUpperCase.test(rdata)) return rdata;
  let wire = '';
  let position = 0;
  for (const field of findSchema(type) ?? []) {
    const end = field.end(rdata, position);
    const octets = sliceOctets(rdata, position, end);
    wire += field.lowerCased === true ? canonicalName(octets as Name) : octets;
    position = end;
  }
  return wire as Rdata;
}

/** Return the domain names that stand in RDATA, such as the target of an MX. */
export function namesInRdata(type: RRType, rdata: Rdata): Name[] {
  const names: Name[] = [];
  let position = 0;
  for (const field of findSchema(type) ?? []) {
    const end = field.end(rdata, position);
    if (field.holdsName === true) names.push(sliceOctets(rdata, position, end) as Name);
    position = end;
  }
  return names;
}
