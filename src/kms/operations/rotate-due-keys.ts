import { KmsError } from '#kms/core/errors.ts';
import { addVersion } from '#kms/operations/change-key.ts';
import type { KmsPorts } from '#kms/operations/context.ts';

/**
 * Rotate every key whose period has passed. Of several processes that find the same key due only one makes the version:
 * the others' change meets a key that has moved on, and is dropped.
 *
 * @returns how many keys were rotated
 */
export async function rotateDueKeys(ports: KmsPorts): Promise<number> {
  const now = ports.clock.now();
  let rotated = 0;
  for (const due of await ports.store.listDueRotations(now)) {
    try {
      const { key, event } = await addVersion(ports, due, now);
      if (event !== undefined) await ports.store.updateKey({ key, event, at: now });
      rotated += 1;
    } catch (error) {
      if (!(error instanceof KmsError && error.code === 'conflict')) throw error;
    }
  }
  return rotated;
}
