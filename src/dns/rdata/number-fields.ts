import { clockDigits, formatCompactDay, parseCompactTime } from '#lib/clock.ts';
import { type Octets, readUint16, readUint32, uint16, uint32 } from '#lib/octets.ts';
import { findRRType, formatRRType } from '#dns/rr-type.ts';
import { type Field, fixedEnd, wrongWord } from '#dns/rdata/field.ts';
import { parseTtl } from '#dns/ttl.ts';

type Width = 1 | 2 | 4;

const largest: Readonly<Record<Width, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffffffff };

function compose(width: Width, value: number): Octets {
  return width === 1 ? (String.fromCharCode(value) as Octets) : width === 2 ? uint16(value) : uint32(value);
}

function read(width: Width, wire: Octets, start: number): number {
  return width === 1 ? wire.charCodeAt(start) : width === 2 ? readUint16(wire, start) : readUint32(wire, start);
}

/** An unsigned integer; words in `mnemonics` are accepted for their values, and printed when `printed` says so. */
function integer(width: Width, name: string, mnemonics: Readonly<Record<string, number>> = {}): Field {
  const expected = `${name} (a number up to ${largest[width]})`;
  return {
    parse(tokens) {
      const word = tokens.next(expected);
      const known = Object.hasOwn(mnemonics, word.toUpperCase()) ? mnemonics[word.toUpperCase()] : undefined;
      if (known !== undefined) return compose(width, known);
      if (!/^\d{1,10}$/.test(word) || Number(word) > largest[width]) throw wrongWord(word, expected);
      return compose(width, Number(word));
    },
    end: (wire, start) => fixedEnd(wire, start, width, name),
    print(wire, start, _end, out) {
      out.number(read(width, wire, start));
    },
  };
}

export const uint8Field = (name: string, mnemonics?: Readonly<Record<string, number>>): Field =>
  integer(1, name, mnemonics);
export const uint16Field = (name: string, mnemonics?: Readonly<Record<string, number>>): Field =>
  integer(2, name, mnemonics);
export const uint32Field = (name: string): Field => integer(4, name);

/** A time span in seconds that may be written with units, such as the SOA's timers. */
export const durationField = (name: string): Field => ({
  ...uint32Field(name),
  parse(tokens) {
    const word = tokens.next(`${name} in seconds`);
    const seconds = parseTtl(word, 0xffffffff);
    if (seconds === undefined) throw wrongWord(word, `${name} in seconds or with units (1h30m)`);
    return uint32(seconds);
  },
});

/** Mnemonics of DNSSEC algorithms, those of BIND included. Source: RFC 4034 §A.1. */
const algorithmMnemonics: Readonly<Record<string, number>> = {
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  'DSA-NSEC3-SHA1': 6,
  NSEC3DSA: 6,
  'RSASHA1-NSEC3-SHA1': 7,
  NSEC3RSASHA1: 7,
  RSASHA256: 8,
  RSASHA512: 10,
  'ECC-GOST': 12,
  ECCGOST: 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
};

export const algorithmField: Field = uint8Field('an algorithm', algorithmMnemonics);

/** Certificate types. Source: RFC 4398 §2.1. */
export const certificateTypeField: Field = uint16Field('a certificate type', {
  PKIX: 1,
  SPKI: 2,
  PGP: 3,
  IPKIX: 4,
  ISPKI: 5,
  IPGP: 6,
  ACPKIX: 7,
  IACPKIX: 8,
  URI: 253,
  OID: 254,
});

/** The type that an RRSIG covers. */
export const rrTypeField: Field = {
  parse(tokens) {
    const word = tokens.next('an RR type');
    const type = findRRType(word);
    if (type === undefined) throw wrongWord(word, 'an RR type');
    return uint16(type);
  },
  end: (wire, start) => fixedEnd(wire, start, 2, 'an RR type'),
  print(wire, start, _end, out) {
    out.text(formatRRType(readUint16(wire, start)));
  },
};

/** A time as YYYYMMDDHHmmSS in UTC, or as seconds since the epoch. Source: RFC 4034 §3.2. */
export const timeField: Field = {
  parse(tokens) {
    const word = tokens.next('a time');
    const seconds = word.length === 14 ? parseCompactTime(word) : /^\d{1,10}$/.test(word) ? Number(word) : undefined;
    if (seconds === undefined || seconds > 0xffffffff) throw wrongWord(word, 'a time (YYYYMMDDHHmmSS or seconds)');
    return uint32(seconds);
  },
  end: (wire, start) => fixedEnd(wire, start, 4, 'a time'),
  print(wire, start, _end, out) {
    const seconds = readUint32(wire, start);
    out.text(formatCompactDay(seconds));
    out.digits(clockDigits(seconds), 6);
  },
};
