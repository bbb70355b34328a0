import { expect, test } from 'vitest';
import { OctetStore } from '#lib/octet-store.ts';
import type { Octets } from '#lib/octets.ts';

test('values come back as they were kept, whatever their lengths and octets', () => {
  const lengths = [0, 1, 255, 4000, 1_000_000, 70_000, 3_000_000, 5];
  const values = lengths.map((length, index) => String.fromCharCode((index * 37) & 0xff).repeat(length) as Octets);
  const store = new OctetStore();
  expect(values.map((value) => store.add(value))).toEqual(values.map((_, index) => index));
  expect(store.length).toBe(values.length);
  for (const [index, value] of values.entries()) expect(store.get(index) === value).toBe(true);
});

test('more values than any array was made for at first', () => {
  const store = new OctetStore();
  for (let index = 0; index < 10_000; index++) store.add(String(index) as Octets);
  for (let index = 0; index < 10_000; index++) expect(store.get(index)).toBe(String(index));
});

test('a number that no value has is an error', () => {
  const store = new OctetStore();
  expect(() => store.get(0)).toThrow(RangeError);
  store.add('a' as Octets);
  expect(() => store.get(1)).toThrow(RangeError);
  expect(() => store.get(-1)).toThrow(RangeError);
});

test('a store made of the parts of another holds the same, and takes more', () => {
  const store = new OctetStore();
  for (let index = 0; index < 2000; index++) store.add(`value ${index}`.repeat(index % 90) as Octets);
  const { buffers, ...parts } = store.toParts();
  const moved = OctetStore.fromParts({ ...structuredClone(parts, { transfer: [...buffers] }), buffers: [] });
  expect(store.length).toBe(0);
  expect(moved.add('one more' as Octets)).toBe(2000);
  for (let index = 0; index < 2000; index++) expect(moved.get(index)).toBe(`value ${index}`.repeat(index % 90));
  expect(moved.get(2000)).toBe('one more');
});
