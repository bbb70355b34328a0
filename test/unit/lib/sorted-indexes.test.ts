import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OctetStore } from '#lib/octet-store.ts';
import type { Octets } from '#lib/octets.ts';
import { sortedIndexes } from '#lib/sorted-indexes.ts';

function sorted(strings: readonly string[]): number[] {
  const store = new OctetStore();
  for (const string of strings) store.add(string as Octets);
  return [...sortedIndexes(store)];
}

function expected(strings: readonly string[]): number[] {
  return Array.from(strings.keys()).toSorted((left, right) => {
    const [one, other] = [strings[left]!, strings[right]!];
    return one < other ? -1 : one > other ? 1 : left - right;
  });
}

/** Strings over few octets, so that many begin alike, are equal, or differ by octets 0 at their end alone. */
const string = fc
  .array(fc.constantFrom('\0', '\x01', 'a', 'b', '\xff'), { maxLength: 12 })
  .map((codes) => codes.join(''));

test('strings of octets are in ascending order, and equal ones in theirs', () => {
  fc.assert(
    fc.property(fc.array(string, { minLength: 20, maxLength: 400 }), string, (strings, prefix) => {
      const all = [prefix, ...strings.map((one) => prefix + one)];
      expect(sorted(all)).toEqual(expected(all));
    }),
    { numRuns: 500 },
  );
});

test('keys as zones have them are sorted, the apex first', () => {
  const keys = Array.from({ length: 5000 }, (_, index) => `example\0h${(index * 7919) % 5000}\0`);
  keys.push('example\0', ...keys.slice(0, 100));
  expect(sorted(keys)).toEqual(expected(keys));
});

test('many equal strings stay as they are', () => {
  const strings = Array.from({ length: 1000 }, () => 'the same octets');
  expect(sorted(strings)).toEqual(Array.from(strings.keys()));
  expect(sorted([])).toEqual([]);
});
