import type { JobGroup, JobQueue } from '#dnssec/ports-jobs.ts';
import type { ZoneStore } from '#dnssec/ports-zones.ts';

/** A new version of a KMS key. */
export interface KeyRotation {
  readonly region: string;
  readonly keyId: string;
  readonly version: number;
}

/** Return the group of jobs that a rotation asks for; the same for the same rotation, whoever notices it. */
export function groupOf({ region, keyId, version }: KeyRotation): JobGroup {
  return { id: `rotation-${region}-${keyId}-${version}`, title: `KMS key ${keyId} was rotated to version ${version}` };
}

/**
 * Put all zones that use a key which was rotated, as one group with one progress. The store must know of the rotation
 * already: it makes them due, and a feeder puts them where this fails.
 */
export async function fanOut(
  { store, queue }: { readonly store: Pick<ZoneStore, 'zonesUsingKey'>; readonly queue: Pick<JobQueue, 'put'> },
  rotation: KeyRotation,
): Promise<void> {
  const zones = await store.zonesUsingKey(rotation.region, rotation.keyId);
  const jobs = zones.map((zoneId) => ({ zoneId, priority: 'rotation' as const }));
  await queue.put(jobs, groupOf(rotation));
}
