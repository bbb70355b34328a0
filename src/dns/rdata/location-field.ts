import { type Octets, readUint32, uint32 } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { type Field, fixedEnd, printedAs, wrongWord } from '#dns/rdata/field.ts';
import type { Tokens } from '#dns/rdata/tokens.ts';

const equator = 2 ** 31;
const millisecondsOfArc = { minute: 60_000, degree: 3_600_000 };
const altitudeBase = 10_000_000; // centimetres below the reference spheroid
const length = 16;

/**
 * The whole RDATA of LOC: version 0, three sizes as mantissa and power of ten in centimetres, and three 32-bit positions.
 *
 * Source: RFC 1876 §2, RFC 1876 §3.
 */
export const locationField: Field = {
  parse(tokens) {
    const latitude = parseAngle(tokens, 90, 'N', 'S');
    const longitude = parseAngle(tokens, 180, 'E', 'W');
    const altitude =
      parseCentimetres(tokens.next('an altitude in metres'), 'an altitude in metres', true) + altitudeBase;
    if (altitude < 0 || altitude > 0xffffffff)
      throw new DnsError('rdata-invalid', 'the altitude is out of range: -100000.00m to 42849672.95m');
    const sizes = [100, 1_000_000, 1000].map((otherwise) => {
      const word = tokens.tryNext();
      return composeSize(word === undefined ? otherwise : parseCentimetres(word, 'a size in metres', false));
    });
    return `\0${sizes.join('')}${uint32(latitude)}${uint32(longitude)}${uint32(altitude)}` as Octets;
  },
  end(wire, start) {
    const end = fixedEnd(wire, start, length, 'LOC');
    if (wire.charCodeAt(start) !== 0)
      throw new DnsError('rdata-invalid', `LOC has version ${wire.charCodeAt(start)}, only 0 is known`);
    for (const offset of [1, 2, 3]) {
      const size = wire.charCodeAt(start + offset);
      if (size >>> 4 > 9 || (size & 15) > 9)
        throw new DnsError('rdata-invalid', `LOC has a size of ${size}, whose digits are not decimal`);
    }
    return end;
  },
  print: printedAs((wire, start) => {
    const [latitude, longitude] = [readUint32(wire, start + 4), readUint32(wire, start + 8)];
    const sizes = [1, 2, 3].map((offset) => wire.charCodeAt(start + offset));
    if (!isWithinDegrees(latitude, 90) || !isWithinDegrees(longitude, 180) || sizes.some(isZeroWithPower))
      return undefined;
    return [
      formatAngle(latitude, 'N', 'S'),
      formatAngle(longitude, 'E', 'W'),
      metres(readUint32(wire, start + 12) - altitudeBase),
      ...sizes.map((size) => metres((size >>> 4) * 10 ** (size & 15))),
    ].join(' ');
  }),
};

const isWithinDegrees = (value: number, most: number): boolean =>
  Math.abs(value - equator) <= most * millisecondsOfArc.degree;

/** Zero has one text and ten forms. */
const isZeroWithPower = (size: number): boolean => size > 0 && size < 16;

const metres = (centimetres: number): string => `${(centimetres / 100).toFixed(2)}m`;

/** Read `d [m [s]] N|S` and return thousandths of a second of arc, 2³¹ being the equator or the prime meridian. */
function parseAngle(tokens: Tokens, most: number, positive: string, negative: string): number {
  const expected = `degrees up to ${most}, minutes, seconds and ${positive} or ${negative}`;
  const parts: number[] = [];
  for (let word = tokens.next(expected); ; word = tokens.next(expected)) {
    const upper = word.toUpperCase();
    if (parts.length > 0 && (upper === positive || upper === negative)) {
      const [degrees = 0, minutes = 0, seconds = 0] = parts;
      const value =
        degrees * millisecondsOfArc.degree + minutes * millisecondsOfArc.minute + Math.round(seconds * 1000);
      if (value > most * millisecondsOfArc.degree) throw wrongWord(word, expected);
      return upper === positive ? equator + value : equator - value;
    }
    const pattern = parts.length < 2 ? /^\d{1,3}$/ : /^\d{1,2}(?:\.\d{1,3})?$/;
    if (parts.length === 3 || !pattern.test(word) || (parts.length > 0 && Number(word) >= 60))
      throw wrongWord(word, expected);
    parts.push(Number(word));
  }
}

function formatAngle(value: number, positive: string, negative: string): string {
  const distance = Math.abs(value - equator);
  const degrees = Math.floor(distance / millisecondsOfArc.degree);
  const minutes = Math.floor((distance % millisecondsOfArc.degree) / millisecondsOfArc.minute);
  const seconds = ((distance % millisecondsOfArc.minute) / 1000).toFixed(3);
  return `${degrees} ${minutes} ${seconds} ${value >= equator ? positive : negative}`;
}

function parseCentimetres(word: string, expected: string, signed: boolean): number {
  const match = (signed ? /^(-?\d{1,8}(?:\.\d{1,2})?)m?$/i : /^(\d{1,8}(?:\.\d{1,2})?)m?$/i).exec(word);
  if (match?.[1] === undefined) throw wrongWord(word, expected);
  return Math.round(Number(match[1]) * 100);
}

function composeSize(centimetres: number): string {
  let mantissa = centimetres;
  let exponent = 0;
  while (mantissa > 9) {
    mantissa = Math.floor(mantissa / 10);
    exponent += 1;
  }
  if (exponent > 9) throw new DnsError('rdata-invalid', 'a size is above 90000000 metres');
  return String.fromCharCode((mantissa << 4) | exponent);
}
