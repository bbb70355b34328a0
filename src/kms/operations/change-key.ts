import { KmsError } from '#kms/core/errors.ts';
import { type Key, latestVersion } from '#kms/core/key.ts';
import * as lifeCycle from '#kms/core/life-cycle.ts';
import type { Action } from '#kms/core/access.ts';
import { claimOf, findEarlier } from '#kms/operations/create-key.ts';
import { type Authorised, type Caller, getAuthorisedKey, type KmsPorts } from '#kms/operations/context.ts';
import type { IdempotencyClaim } from '#kms/ports/key-store.ts';

type Changed = Authorised & { readonly key: Key };

/** How often a change is tried anew when another call was first. */
const attempts = 5;

/**
 * Change a key's state. When another call changes the key at the same time, the rule is applied anew to what that call
 * left, so that no change is lost and none is made on stale grounds.
 */
async function change(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  action: Action,
  rule: (key: Key, now: number) => lifeCycle.Transition | Promise<lifeCycle.Transition>,
  claim?: IdempotencyClaim,
): Promise<Changed> {
  for (let attempt = 1; ; attempt++) {
    const authorised = await getAuthorisedKey(ports, caller, region, id, action);
    const earlier = await findEarlier(ports, authorised, claim);
    if (earlier !== undefined) return { ...authorised, key: earlier };
    const now = ports.clock.now();
    const { key, event } = await rule(authorised.key, now);
    if (event === undefined) return authorised;
    try {
      await ports.store.updateKey({ key, event, at: now, claim });
    } catch (error) {
      if (attempt < attempts && error instanceof KmsError && error.code === 'conflict') continue;
      throw error;
    }
    if (key.status !== 'active') await ports.provider.forget({ key: key.identity });
    return { ...authorised, key };
  }
}

/** Give a key a new version, which is the latest from then on. @throws KmsError wrong-state, rotation-not-allowed, … */
export async function rotateKey(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  idempotencyKey?: string,
): Promise<Changed> {
  const claim = claimOf(caller, idempotencyKey, ['rotate', region, id]);
  return change(ports, caller, region, id, 'Rotate', (key, now) => addVersion(ports, key, now), claim);
}

/** Plan a key's next version. @throws KmsError wrong-state, rotation-not-allowed */
export async function addVersion({ provider }: KmsPorts, key: Key, now: number): Promise<lifeCycle.Transition> {
  lifeCycle.assertRotatable(key);
  const version = latestVersion(key).version + 1;
  const material = await provider.generate({ ...key.scope, key: key.identity, version, keyType: key.keyType });
  return lifeCycle.rotate(key, { version, createdAt: now, ...material }, now);
}

/** @throws KmsError wrong-state */
export async function disableKey(ports: KmsPorts, caller: Caller, region: string, id: string): Promise<Changed> {
  return change(ports, caller, region, id, 'Disable', lifeCycle.disable);
}

/** @throws KmsError wrong-state */
export async function enableKey(ports: KmsPorts, caller: Caller, region: string, id: string): Promise<Changed> {
  return change(ports, caller, region, id, 'Enable', lifeCycle.enable);
}

/** Start the 30 days after which the key is purged. */
export async function deleteKey(ports: KmsPorts, caller: Caller, region: string, id: string): Promise<Changed> {
  return change(ports, caller, region, id, 'Delete', lifeCycle.scheduleDeletion);
}

/** @throws KmsError wrong-state */
export async function cancelKeyDeletion(ports: KmsPorts, caller: Caller, region: string, id: string): Promise<Changed> {
  return change(ports, caller, region, id, 'CancelDeletion', lifeCycle.cancelDeletion);
}

/** @throws KmsError wrong-state, payload-invalid, rotation-not-allowed */
export async function changeKeyRotation(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  wanted: Parameters<typeof lifeCycle.changeRotation>[1],
): Promise<Changed> {
  return change(ports, caller, region, id, 'UpdateRotation', (key, now) => lifeCycle.changeRotation(key, wanted, now));
}
