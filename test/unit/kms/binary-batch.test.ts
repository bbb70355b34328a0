import { describe, expect, test } from 'vitest';
import { composeBinaryBatch, parseBinaryBatch } from '#kms/core/binary-batch.ts';
import { pack, slicePacked } from '#lib/packed.ts';

const items = pack([Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(255)]);
const batch = composeBinaryBatch({ keyVersion: '2' }, items);

test('a batch is read back as it was composed', () => {
  const parsed = parseBinaryBatch(batch, { items: 3 });
  expect(parsed.head).toEqual({ keyVersion: '2' });
  expect(parsed.items).toEqual(items);
});

test('parts are composed as one', () => {
  const parts = [slicePacked(items, 0, 1), slicePacked(items, 1, 1), slicePacked(items, 1, 3)];
  expect(composeBinaryBatch({ keyVersion: '2' }, ...parts)).toEqual(batch);
});

test('a batch is found in the middle of a larger buffer', () => {
  const larger = new Uint8Array(batch.length + 7).fill(9);
  larger.set(batch, 3);
  expect(parseBinaryBatch(larger.subarray(3, 3 + batch.length), { items: 3 }).items).toEqual(items);
});

describe('a batch is refused', () => {
  test('wherever it is cut short', () => {
    for (let length = 0; length < batch.length; length++)
      expect(() => parseBinaryBatch(batch.subarray(0, length), { items: 3 })).toThrow('is malformed');
  });

  test('with octets left over', () => {
    expect(() => parseBinaryBatch(Uint8Array.from([...batch, 0]), { items: 3 })).toThrow('1 octets are left over');
  });

  test('with more items than are taken', () => {
    expect(() => parseBinaryBatch(batch, { items: 2 })).toThrow('3 items, and at most 2');
  });

  test('with a head that is too long, no JSON, or no UTF-8', () => {
    const long = composeBinaryBatch({ text: 'x'.repeat(70_000) }, pack([]));
    expect(() => parseBinaryBatch(long, { items: 1 })).toThrow('its head is too long');
    const broken = Uint8Array.from(batch);
    broken[4] = 0x5b;
    expect(() => parseBinaryBatch(broken, { items: 3 })).toThrow('not JSON');
    broken[4] = 0xff;
    expect(() => parseBinaryBatch(broken, { items: 3 })).toThrow('not JSON in UTF-8');
  });
});
