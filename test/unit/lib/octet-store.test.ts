import * as fc from 'fast-check';
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

test('a reader gives the same values, in any order, and those that were added behind what it has read', () => {
  const store = new OctetStore();
  const values = Array.from({ length: 3000 }, (_, index) => `value ${index} `.repeat(index % 700) as Octets);
  const read = store.reader();
  for (const [index, value] of values.entries()) {
    store.add(value);
    expect(read(index) === value).toBe(true);
  }
  for (const index of [2999, 0, 1500, 1499, 1501]) expect(read(index) === values[index]).toBe(true);
  expect(() => read(3000)).toThrow(RangeError);
});

test('a value is written where it is kept', () => {
  const store = new OctetStore();
  store.add('before' as Octets);
  const number = store.addWritten(3, (block, at) => block.set([0x61, 0, 0xff], at));
  store.add('behind' as Octets);
  expect([store.get(0), store.get(number), store.get(2)]).toEqual(['before', 'a\0\xff', 'behind']);
});

test('some values are put side by side in another order, long ones too', () => {
  const store = new OctetStore();
  for (let index = 0; index < 2000; index++) store.add(`${index},`.repeat(index) as Octets);
  const numbers = Uint32Array.from([1999, 3, 3, 0, 1000]);
  const other = store.inOrder(numbers);
  expect(Array.from({ length: other.length }, (_, index) => other.get(index))).toEqual(
    Array.from(numbers, (number) => store.get(number)),
  );
});

test('values compare, begin alike and give words as their strings do', () => {
  const string = fc.array(fc.constantFrom('\0', 'a', '\xff'), { maxLength: 7 }).map((codes) => codes.join(''));
  fc.assert(
    fc.property(string, string, fc.nat(8), (one, other, offset) => {
      const store = new OctetStore();
      store.add(one as Octets);
      store.add(other as Octets);
      const expected = one < other ? -1 : one > other ? 1 : 0;
      expect(Math.sign(store.compare(0, 1))).toBe(expected);
      expect(Math.sign(store.compareTo(0, other as Octets))).toBe(expected);
      const common = store.commonLength(0, 1, 0, offset);
      expect(store.commonLength(0, 1, common, offset)).toBe(common);
      expect(store.areEqual(0, 1)).toBe(one === other);
      expect(one.slice(0, common)).toBe(other.slice(0, common));
      const canGoOn = common < Math.min(offset, one.length, other.length);
      expect(canGoOn && one[common] === other[common]).toBe(false);
      expect(store.wordAt(0, offset)).toBe(
        Buffer.from(one.slice(offset, offset + 4).padEnd(4, '\0'), 'latin1').readUInt32BE(),
      );
    }),
  );
});
