import { describe, expect, test } from 'vitest';
import {
  canonicalName,
  compareNames,
  countLabels,
  formatName,
  isWildcard,
  isWithin,
  type Name,
  nameFromWire,
  orderKeyOf,
  parentOf,
  parseName,
  prependLabel,
  resolveName,
  rootName,
} from '#dns/name.ts';
import type { Octets } from '#lib/octets.ts';
import { canonical, hexOf } from '#test/support/dns.ts';

describe('presentation form (RFC 1035 §5.1, RFC 4343 §2.1)', () => {
  test('a name is length-prefixed labels and the root', () => {
    expect(hexOf(parseName('www.Example.COM.'))).toBe('03777777074578616d706c6503434f4d00');
  });

  test('an escaped dot belongs to its label and \\DDD is decimal', () => {
    expect(hexOf(parseName('a\\.b.\\200\\000.'))).toBe('03612e6202c80000');
    expect(formatName(parseName('a\\.b.\\200\\000.'))).toBe('a\\.b.\\200\\000.');
  });

  test('a name without a final dot is relative to the origin, @ is the origin', () => {
    const origin = parseName('example.');
    expect(formatName(parseName('www', origin))).toBe('www.example.');
    expect(formatName(parseName('www.', origin))).toBe('www.');
    expect(parseName('@', origin)).toBe(origin);
    expect(parseName('.', origin)).toBe(rootName);
  });

  test('an escaped final dot does not end the name', () => {
    expect(formatName(parseName('www\\.', parseName('example.')))).toBe('www\\..example.');
  });

  test('what not every name server reads as it stands is printed escaped', () => {
    const printable = Array.from({ length: 0x5e }, (_, index) => String.fromCharCode(0x21 + index));
    const printed = printable.map((character) => formatName(`\x01${character}\0` as Name));
    const escaped = printed.filter((text) => text.startsWith('\\')).map((text) => text.slice(1, -1));
    expect(escaped.join('')).toBe('!"#$%&\'()+,.:;<=>?@[\\]^`{|}~');
    for (const [index, text] of printed.entries()) expect(parseName(text)).toBe(`\x01${printable[index]}\0`);
  });

  test('without an origin a relative name is an error', () => {
    expect(() => resolveName('www', undefined)).toThrow(/"www" is not a domain name: it is relative/);
    expect(() => resolveName('www\\.', undefined)).toThrow(/relative/);
    expect(formatName(resolveName('www.', undefined))).toBe('www.');
  });

  test.each([
    ['', 'it is empty'],
    ['a..b', 'it has an empty label'],
    ['.a', 'it has an empty label'],
    ['a\\', 'it ends in a lone backslash'],
    ['a\\25', 'is not three decimal digits'],
    ['a\\256.', 'is not three decimal digits'],
    ['bücher→.', 'is not an octet'],
    [`${'a'.repeat(64)}.`, 'a label has 64 octets'],
    [`${`${'a'.repeat(63)}.`.repeat(3)}${'a'.repeat(62)}.`, 'it has 256 octets'],
  ])('%j is refused: %s', (text, why) => {
    expect(() => parseName(text)).toThrow(why);
  });

  test('labels of 63 and names of 255 octets are legal', () => {
    const longest = `${`${'a'.repeat(63)}.`.repeat(3)}${'a'.repeat(61)}.`;
    expect(parseName(longest)).toHaveLength(255);
    expect(() => prependLabel('x', parseName(longest))).toThrow('makes more than 255 octets');
  });
});

test('octets 0 and 1 in a label sort as any other, before and behind names below it (RFC 4034 §6.1)', () => {
  const ordered = ['a.', '\\000.a.', '\\001.a.', 'b.a.', 'a\\000.', 'b.a\\000.', 'a\\000\\000.', 'a\\001.', 'aa.'].map(
    canonical,
  );
  const sorted = ordered.toReversed().toSorted(compareNames);
  expect(sorted.map(formatName)).toEqual(ordered.map(formatName));
});

describe('wire form (RFC 1035 §3.1)', () => {
  test.each([
    ['', 'cut short'],
    ['\x03ab', 'cut short'],
    ['\xc0\x0c', 'not compressed'],
    ['\x01a\x00x', 'followed by 1 more'],
    ['\x01a'.repeat(130) + '\x00', 'longer than 255'],
  ])('%j is refused: %s', (wire, why) => {
    expect(() => nameFromWire(wire as Octets)).toThrow(why);
  });
});

describe('canonical form and order (RFC 4034 §6)', () => {
  test('only ASCII letters are lower-cased', () => {
    expect(canonicalName(parseName('AZ[\\192\\218.'))).toBe(parseName('az[\\192\\218.'));
  });

  test('a label of 65 to 90 as its length cannot be: lengths are never mistaken for letters', () => {
    const name = parseName(`${'A'.repeat(63)}.`);
    expect(canonicalName(name)).toBe(parseName(`${'a'.repeat(63)}.`));
  });

  test('an absent label sorts first, and octets 0 and 1 keep their places', () => {
    const sorted = [
      'example.',
      'a.example.',
      '\\000.a.example.',
      '\\001.a.example.',
      '\\001\\000.a.example.',
      '\\002.a.example.',
      'aa.example.',
    ];
    const names = sorted.map(canonical);
    expect(names.toReversed().toSorted(compareNames)).toEqual(names);
  });

  test('the key of a name is a prefix of the keys below it, and of no others', () => {
    expect(orderKeyOf(canonical('www.a.example.')).startsWith(orderKeyOf(canonical('a.example.')))).toBe(true);
    expect(orderKeyOf(canonical('aa.example.')).startsWith(orderKeyOf(canonical('a.example.')))).toBe(false);
  });
});

describe('relations', () => {
  test('a name is within itself and its ancestors, by whole labels', () => {
    expect(isWithin(canonical('a.example.'), canonical('example.'))).toBe(true);
    expect(isWithin(canonical('example.'), canonical('example.'))).toBe(true);
    expect(isWithin(canonical('example.'), canonical('a.example.'))).toBe(false);
    expect(isWithin(canonical('badexample.'), canonical('example.'))).toBe(false);
    expect(isWithin(canonical('a\\007example.'), canonical('example.'))).toBe(false);
    expect(isWithin(canonical('anything.'), rootName)).toBe(true);
  });

  test('the parent drops the leftmost label, the root has none', () => {
    expect(parentOf(parseName('a.b.'))).toBe(parseName('b.'));
    expect(parentOf(rootName)).toBeUndefined();
  });

  test('only a leftmost label of one asterisk is a wildcard', () => {
    expect(['*.a.', '\\*.a.', 'a.*.', '**.a.', '.'].map((text) => isWildcard(parseName(text)))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(countLabels(parseName('*.a.b.'))).toBe(3);
  });
});
