import { expect, test } from 'vitest';
import { formatInstant, parseInstant } from '#lib/clock.ts';

test.each([
  ['1970-01-01T00:00:00Z', 0],
  ['2024-02-29T12:00:00.5Z', 1_709_208_000_500],
  ['2026-01-01T01:00:00+01:00', 1_767_225_600_000],
  ['2026-01-01t00:00:00z', 1_767_225_600_000],
])('%s is a time', (text, milliseconds) => {
  expect(parseInstant(text)).toBe(milliseconds);
});

test.each([
  '',
  '2026-01-01',
  '2026-01-01T00:00:00',
  '2026-01-01 00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2025-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T25:00:00Z',
  '20260101000000',
])('%j is no time', (text) => {
  expect(parseInstant(text)).toBeUndefined();
});

test('a printed time parses to itself', () => {
  expect(parseInstant(formatInstant(1_700_000_000_123))).toBe(1_700_000_000_123);
});
