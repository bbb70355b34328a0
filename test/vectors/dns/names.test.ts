import { expect, test } from 'vitest';
import { compareNames } from '#dns/name.ts';
import { canonical, hexOf, recordsOf } from '#test/support/dns.ts';

test('the names of RFC 4034 §6.1 sort as printed there', () => {
  const printed = [
    'example.',
    'a.example.',
    'yljkjljk.a.example.',
    'Z.a.example.',
    'zABC.a.EXAMPLE.',
    'z.example.',
    '\\001.z.example.',
    '*.z.example.',
    '\\200.z.example.',
  ];
  const names = printed.map(canonical);
  expect(names.toReversed().toSorted(compareNames)).toEqual(names);
});

test('the unknown forms of RFC 3597 §5 are read', () => {
  const [unknown, known] = recordsOf('a 1 CLASS1 TYPE731 \\# 6 abcd (\n ef 01 23 45 )\ne 1 IN A \\# 4 0A000001\n');
  expect(unknown).toMatchObject({ type: 731 });
  expect(hexOf(unknown!.rdata)).toBe('abcdef012345');
  expect(hexOf(known!.rdata)).toBe('0a000001');
});
