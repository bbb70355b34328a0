import type { AuditedOperation } from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';
import { type Key, latestVersion, nextRotationAt } from '#kms/core/key.ts';
import { purge, type Transition } from '#kms/core/life-cycle.ts';
import { addVersion } from '#kms/operations/change-key.ts';
import { audited, type Caller, type KmsPorts } from '#kms/operations/context.ts';
import type { KeyName } from '#kms/ports/key-store.ts';

/** Called for each key that could not be changed; the others go on. */
export type OnFailure = (error: unknown, key: string) => void;

/**
 * Rotate every key whose period has passed. Of several processes that find the same key due only one makes the version:
 * the others' change meets a key that has moved on, and is dropped.
 *
 * @returns how many keys were rotated
 */
export async function rotateDueKeys(ports: KmsPorts, onFailure: OnFailure): Promise<number> {
  const now = ports.clock.now();
  const isDue = (key: Key) => (nextRotationAt(key) ?? Infinity) <= now;
  return changeEach(ports, await ports.store.listDueRotations(now), isDue, rotateBySystem, onFailure);
}

/** Purge every key whose time of grace is over: its material is destroyed, a tombstone stays. @returns how many */
export async function purgeDueKeys(ports: KmsPorts, onFailure: OnFailure): Promise<number> {
  const now = ports.clock.now();
  const isDue = (key: Key) => (key.deletionScheduledAt ?? Infinity) <= now;
  const count = await changeEach(ports, await ports.store.listDuePurges(now), isDue, purgeBySystem, onFailure);
  await ports.store.eraseDeletedMaterial(); // in each round, since the one before may not have got at all of it
  return count;
}

function purgeBySystem(ports: KmsPorts, key: Key): Promise<boolean> {
  return changeBySystem(ports, key, 'kms.purge', {}, purge);
}

/** Give a key its next version without being asked. @returns false when another was first */
export async function rotateBySystem(ports: KmsPorts, key: Key): Promise<boolean> {
  const facts = { version: latestVersion(key).version + 1 };
  return changeBySystem(ports, key, 'kms.rotate.scheduled', facts, (current, now) => addVersion(ports, current, now));
}

async function changeBySystem(
  ports: KmsPorts,
  key: Key,
  operation: AuditedOperation,
  facts: { readonly version?: number },
  rule: (key: Key, now: number) => Transition | Promise<Transition>,
): Promise<boolean> {
  const { organisation, region, project } = key.scope;
  const caller: Caller = {
    principal: { identity: 'system', policies: [] },
    organisation,
    ...(project === undefined ? {} : { project }),
  };
  const decide = async () => ({ decision: undefined, facts: { organisation, region, key: key.identity, ...facts } });
  try {
    const carryOut = async () => {
      const now = ports.clock.now();
      const { key: changed, event } = await rule(key, now);
      if (event !== undefined) await ports.store.updateKey({ key: changed, event, at: now });
    };
    await audited(ports, caller, operation, {}, { decide, carryOut });
  } catch (error) {
    if (error instanceof KmsError && error.code === 'conflict') return false;
    throw error;
  }
  ports.invocations.forget(key.identity);
  await ports.provider.forget({ key: key.identity });
  ports.onKeyEvent();
  return true;
}

async function changeEach(
  ports: KmsPorts,
  names: readonly KeyName[],
  isDue: (key: Key) => boolean,
  change: (ports: KmsPorts, key: Key) => Promise<boolean>,
  onFailure: OnFailure,
): Promise<number> {
  let count = 0;
  for (const { scope, identity } of names) {
    try {
      const key = await ports.store.findKey(scope, identity);
      // Another process may have been first since the names were listed.
      if (key !== undefined && isDue(key) && (await change(ports, key))) count += 1;
    } catch (error) {
      onFailure(error, identity);
    }
  }
  return count;
}
