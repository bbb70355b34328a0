import { describe, expect, test } from 'vitest';
import { isAllowed, isMember, type Principal } from '#kms/core/access.ts';
import { slugOf } from '#kms/core/slug.ts';

const principal = (more: Partial<Principal>): Principal => ({ identity: 'p', policies: [], ...more });

describe('policies', () => {
  test('full access allows all, read access reading, and a policy of its own one action', () => {
    const allowed = (policy: Principal['policies'][number]) =>
      (['Read', 'List', 'GetPublicKey', 'Sign', 'Create', 'Delete'] as const).filter((action) =>
        isAllowed(principal({ policies: [policy] }), action, 'o', undefined),
      );
    expect(allowed('kms:FullAccess')).toEqual(['Read', 'List', 'GetPublicKey', 'Sign', 'Create', 'Delete']);
    expect(allowed('kms:ReadAccess')).toEqual(['Read', 'List', 'GetPublicKey']);
    expect(allowed('kms:Sign')).toEqual(['Sign']);
  });

  test("hold within the principal's organisation and project only", () => {
    const mine = principal({ organisation: 'o', policies: ['kms:FullAccess'] });
    expect(isAllowed(mine, 'Sign', 'o', undefined)).toBe(true);
    expect(isAllowed(mine, 'Sign', 'other', undefined)).toBe(false);
    expect(isMember(mine, 'other')).toBe(false);
    const held = principal({ organisation: 'o', project: 'p', policies: ['kms:FullAccess'] });
    expect(isAllowed(held, 'Sign', 'o', 'p')).toBe(true);
    expect(isAllowed(held, 'Sign', 'o', 'q')).toBe(false);
    expect(isAllowed(held, 'Sign', 'o', undefined)).toBe(false);
  });
});

test.each([
  ['DNSSEC example.com', 'dnssec-example-com'],
  ['  Ünïcode & more!  ', 'unicode-more'],
  ['---', 'key-cb3f91d5'],
  ['日本', 'key-cf2abf0c'],
  ['x'.repeat(63), 'x'.repeat(63)],
  ['x'.repeat(100), `${'x'.repeat(54)}-09ecb6eb`],
  [`${'x'.repeat(53)} ${'y'.repeat(50)}`, `${'x'.repeat(53)}-c45c844f`],
])('the slug of %j is %j', (name, slug) => {
  expect(slugOf(name)).toBe(slug);
});
