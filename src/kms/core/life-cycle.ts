import { KmsError } from '#kms/core/errors.ts';
import {
  dayMilliseconds,
  deletionGraceDays,
  type Key,
  type KeyEventKind,
  type KeyStatus,
  type KeyVersion,
} from '#kms/core/key.ts';

/*
 *            disable                      delete                        30 days
 *   active ───────────▶ disabled    active, disabled ──▶ pending_deletion ──▶ purged
 *     ▲  ◀───────────     │              ▲                      │
 *     │      enable                      └──────── cancel ──────┘
 *     └── rotate adds a version and stays active
 */

/** A key as it is after a change, and what the event log says of it. No change: the key was so already. */
export interface Transition {
  readonly key: Key;
  readonly event?: KeyEventKind;
}

/** Check that a key may be used for cryptography. @throws KmsError wrong-state */
export function assertUsable(key: Key): void {
  if (key.status !== 'active')
    throw new KmsError('wrong-state', `key ${key.identity} is ${describe(key.status)}: only an active key can be used`);
}

/** @throws KmsError wrong-state, rotation-not-allowed */
export function assertRotatable(key: Key): void {
  if (key.status !== 'active')
    throw new KmsError(
      'wrong-state',
      `key ${key.identity} is ${describe(key.status)}: only an active key can be rotated`,
    );
  if (key.imported && !key.allowRotation) {
    throw new KmsError(
      'rotation-not-allowed',
      `key ${key.identity} was imported without allowRotation: it keeps its one version`,
    );
  }
}

/** Add a version. @throws KmsError wrong-state, rotation-not-allowed */
export function rotate(key: Key, version: KeyVersion, now: number): Transition {
  assertRotatable(key);
  return { key: changed({ ...key, versions: [...key.versions, version], lastRotatedAt: now }, now), event: 'rotated' };
}

/** @throws KmsError wrong-state when it waits for its deletion */
export function disable(key: Key, now: number): Transition {
  return moveTo(key, 'disabled', 'disabled', now);
}

/** @throws KmsError wrong-state when it waits for its deletion */
export function enable(key: Key, now: number): Transition {
  return moveTo(key, 'active', 'enabled', now);
}

function moveTo(key: Key, status: 'active' | 'disabled', event: KeyEventKind, now: number): Transition {
  assertNotPending(key);
  return key.status === status ? { key } : { key: changed({ ...key, status }, now), event };
}

/** Start the time of grace; a key that waits already keeps its time. */
export function scheduleDeletion(key: Key, now: number): Transition {
  if (key.status === 'pending_deletion') return { key };
  assertNotPending(key);
  const deletionScheduledAt = now + deletionGraceDays * dayMilliseconds;
  return {
    key: changed({ ...key, status: 'pending_deletion', deletionScheduledAt }, now),
    event: 'deletion-scheduled',
  };
}

/** @throws KmsError wrong-state when the key does not wait for its deletion */
export function cancelDeletion(key: Key, now: number): Transition {
  if (key.status !== 'pending_deletion')
    throw new KmsError('wrong-state', `key ${key.identity} is ${describe(key.status)}: there is no deletion to cancel`);
  const { deletionScheduledAt: _, ...rest } = key;
  return { key: changed({ ...rest, status: 'active' }, now), event: 'deletion-cancelled' };
}

/** Destroy the material; what is left is a tombstone. @throws KmsError wrong-state while the time of grace is not over */
export function purge(key: Key, now: number): Transition {
  if (key.status !== 'pending_deletion' || (key.deletionScheduledAt ?? Infinity) > now)
    throw new KmsError('wrong-state', `key ${key.identity} is not due for its purge`);
  return { key: changed({ ...key, status: 'purged', versions: [] }, now), event: 'purged' };
}

/** Change the automatic rotation; what is absent stays. @throws KmsError wrong-state, payload-invalid, rotation-not-allowed */
export function changeRotation(
  key: Key,
  change: { readonly keyRotationEnabled?: boolean; readonly rotationPeriodInDays?: number },
  now: number,
): Transition {
  assertNotPending(key);
  const keyRotationEnabled = change.keyRotationEnabled ?? key.keyRotationEnabled;
  const rotationPeriodInDays = change.rotationPeriodInDays ?? key.rotationPeriodInDays;
  if (keyRotationEnabled === key.keyRotationEnabled && rotationPeriodInDays === key.rotationPeriodInDays)
    return { key };
  assertRotationPolicy(keyRotationEnabled, rotationPeriodInDays, key.imported && !key.allowRotation);
  const period = rotationPeriodInDays === undefined ? {} : { rotationPeriodInDays };
  return { key: changed({ ...key, keyRotationEnabled, ...period }, now), event: 'rotation-changed' };
}

/** @throws KmsError payload-invalid, rotation-not-allowed */
export function assertRotationPolicy(enabled: boolean, periodInDays: number | undefined, fixed: boolean): void {
  if (!enabled) return;
  if (periodInDays === undefined)
    throw new KmsError('payload-invalid', 'rotationPeriodInDays is required when keyRotationEnabled is true');
  if (fixed)
    throw new KmsError('rotation-not-allowed', 'keyRotationEnabled: an imported key rotates only with allowRotation');
}

function assertNotPending(key: Key): void {
  if (key.status === 'pending_deletion')
    throw new KmsError('wrong-state', `key ${key.identity} waits for its deletion: cancel that first`);
  if (key.status === 'purged') throw new KmsError('wrong-state', `key ${key.identity} was purged`);
}

function changed(key: Key, now: number): Key {
  return { ...key, updatedAt: now, objectVersion: key.objectVersion + 1 };
}

function describe(status: KeyStatus): string {
  return status === 'pending_deletion' ? 'waiting for its deletion' : status;
}
