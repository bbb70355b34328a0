import { expect, test } from 'vitest';
import { formatName, parseName } from '#dns/name.ts';

test('a name prints as it was read', () => {
  expect(formatName(parseName('www.Example.COM.'))).toBe('www.Example.COM.');
});
