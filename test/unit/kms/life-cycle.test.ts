import { describe, expect, test } from 'vitest';
import { dayMilliseconds, getVersion, type Key, type KeyStatus, nextRotationAt } from '#kms/core/key.ts';
import {
  assertUsable,
  cancelDeletion,
  changeRotation,
  disable,
  enable,
  rotate,
  scheduleDeletion,
  type Transition,
} from '#kms/core/life-cycle.ts';

const now = 1_800_000_000_000;

const keyIn = (status: KeyStatus, more: Partial<Key> = {}): Key => ({
  identity: 'kms-1',
  scope: { organisation: 'o', region: 'r' },
  name: 'k',
  slug: 'k',
  keyType: 'ecdsa-p256',
  exportAllowed: false,
  imported: false,
  allowRotation: false,
  status,
  keyRotationEnabled: false,
  minDecryptionVersion: 1,
  versions: [{ version: 1, createdAt: 1, wrapped: new Uint8Array() }],
  createdAt: 1,
  updatedAt: 1,
  objectVersion: 1,
  ...(status === 'pending_deletion' ? { deletionScheduledAt: 5 } : {}),
  ...more,
});

const newVersion = { version: 2, createdAt: now, wrapped: new Uint8Array() };

const operations: Readonly<Record<string, (key: Key) => Transition>> = {
  rotate: (key) => rotate(key, newVersion, now),
  disable: (key) => disable(key, now),
  enable: (key) => enable(key, now),
  delete: (key) => scheduleDeletion(key, now),
  'cancel deletion': (key) => cancelDeletion(key, now),
  'change rotation': (key) => changeRotation(key, { keyRotationEnabled: true, rotationPeriodInDays: 7 }, now),
};

/** What each operation makes of each state: a state, `same` for no change at all, or `refused`. */
const table: Readonly<Record<string, Readonly<Record<KeyStatus, KeyStatus | 'same' | 'refused'>>>> = {
  rotate: { active: 'active', disabled: 'refused', pending_deletion: 'refused', purged: 'refused' },
  disable: { active: 'disabled', disabled: 'same', pending_deletion: 'refused', purged: 'refused' },
  enable: { active: 'same', disabled: 'active', pending_deletion: 'refused', purged: 'refused' },
  delete: { active: 'pending_deletion', disabled: 'pending_deletion', pending_deletion: 'same', purged: 'refused' },
  'cancel deletion': { active: 'refused', disabled: 'refused', pending_deletion: 'active', purged: 'refused' },
  'change rotation': { active: 'active', disabled: 'disabled', pending_deletion: 'refused', purged: 'refused' },
};

const cells = Object.entries(table).flatMap(([operation, row]) =>
  (Object.entries(row) as [KeyStatus, string][]).map(([status, outcome]) => ({ operation, status, outcome })),
);

function outcomeOf(operation: string, key: Key): string {
  try {
    const transition = operations[operation]!(key);
    return transition.event === undefined ? 'same' : transition.key.status;
  } catch (error) {
    return (error as { code?: string }).code === 'wrong-state' ? 'refused' : String(error);
  }
}

describe('every operation in every state', () => {
  test.each(cells)('$operation of a key that is $status: $outcome', ({ operation, status, outcome }) => {
    expect(outcomeOf(operation, keyIn(status))).toBe(outcome);
  });

  test.each(cells.filter(({ outcome }) => outcome !== 'same' && outcome !== 'refused'))(
    '$operation of a key that is $status raises the object version by one and dates the change',
    ({ operation, status }) => {
      expect(operations[operation]!(keyIn(status)).key).toMatchObject({ objectVersion: 2, updatedAt: now });
    },
  );

  test.each(cells.filter(({ outcome }) => outcome === 'same'))(
    '$operation of a key that is $status changes nothing',
    ({ operation, status }) => {
      const key = keyIn(status);
      expect(operations[operation]!(key).key).toEqual(key);
    },
  );
});

test('only an active key is usable', () => {
  assertUsable(keyIn('active'));
  expect(() => assertUsable(keyIn('disabled'))).toThrow('key kms-1 is disabled');
  expect(() => assertUsable(keyIn('pending_deletion'))).toThrow('waiting for its deletion');
});

test('deletion has 30 days of grace, and its cancellation forgets the time', () => {
  const { key } = scheduleDeletion(keyIn('disabled'), now);
  expect(key.deletionScheduledAt).toBe(now + 30 * dayMilliseconds);
  expect(cancelDeletion(key, now).key).not.toHaveProperty('deletionScheduledAt');
});

describe('rotation', () => {
  test('adds the latest version and keeps the others', () => {
    const { key } = rotate(keyIn('active'), newVersion, now);
    expect(key.versions.map(({ version }) => version)).toEqual([1, 2]);
    expect(getVersion(key).version).toBe(2);
    expect(getVersion(key, 1).version).toBe(1);
    expect(() => getVersion(key, 3)).toThrow('keyVersion: key kms-1 has no version 3; its latest is 2');
  });

  test('of an imported key needs allowRotation', () => {
    expect(() => rotate(keyIn('active', { imported: true }), newVersion, now)).toThrow(
      expect.objectContaining({ code: 'rotation-not-allowed' }),
    );
    rotate(keyIn('active', { imported: true, allowRotation: true }), newVersion, now);
    expect(() =>
      changeRotation(keyIn('active', { imported: true }), { keyRotationEnabled: true, rotationPeriodInDays: 7 }, now),
    ).toThrow('only with allowRotation');
  });

  test('an empty change, or one to what is already so, is none', () => {
    const key = keyIn('active', { keyRotationEnabled: true, rotationPeriodInDays: 7 });
    expect(changeRotation(key, {}, now)).toEqual({ key });
    expect(changeRotation(key, { rotationPeriodInDays: 7 }, now)).toEqual({ key });
  });

  test('needs a period when it is on', () => {
    expect(() => changeRotation(keyIn('active'), { keyRotationEnabled: true }, now)).toThrow(
      'rotationPeriodInDays is required',
    );
  });

  test('is due a period after the last one, or after the creation', () => {
    const key = keyIn('active', { keyRotationEnabled: true, rotationPeriodInDays: 7 });
    expect(nextRotationAt(key)).toBe(1 + 7 * dayMilliseconds);
    expect(nextRotationAt({ ...key, lastRotatedAt: now })).toBe(now + 7 * dayMilliseconds);
    expect(nextRotationAt({ ...key, status: 'disabled' })).toBeUndefined();
    expect(nextRotationAt(keyIn('active'))).toBeUndefined();
  });
});
