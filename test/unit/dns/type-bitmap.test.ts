import { expect, test } from 'vitest';
import { octetsOf } from '#lib/octets.ts';
import { composeTypeBitmap, parseTypeBitmap } from '#dns/type-bitmap.ts';
import { hexOf } from '#test/support/dns.ts';

test('the example of RFC 4034 §4.3 reproduces: A MX RRSIG NSEC TYPE1234', () => {
  expect(hexOf(composeTypeBitmap([1234, 47, 1, 46, 15]))).toBe(`0006400100000003041b${'00'.repeat(26)}20`);
});

test('windows ascend and trailing zero octets are cut', () => {
  expect(hexOf(composeTypeBitmap([257, 1, 65_535]))).toBe(`000140010140ff20${'00'.repeat(31)}01`);
});

test('no types make no octets', () => {
  expect(composeTypeBitmap([])).toBe('');
  expect(parseTypeBitmap(composeTypeBitmap([]))).toEqual([]);
});

test.each([
  ['a window cut short', [0, 2, 0x40]],
  ['a lone window number', [0]],
  ['an empty window', [0, 0]],
  ['a window of 33 octets', [0, 33, ...Array.from({ length: 33 }, () => 1)]],
  ['windows out of order', [1, 1, 0x40, 0, 1, 0x40]],
  ['a window twice', [0, 1, 0x40, 0, 1, 0x20]],
  ['a trailing zero octet', [0, 2, 0x40, 0]],
])('%s is refused', (_, octets) => {
  expect(() => parseTypeBitmap(octetsOf(...octets))).toThrow('the type bitmap is malformed');
});
