import { restOf } from '#dnssec/core/managed/urgency.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { noteFailure, tendZone } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { JobFailure, JobQueue, JobWorker } from '#dnssec/ports-jobs.ts';

export interface JobsOptions {
  readonly ports: ZonePorts;
  readonly queue: JobQueue;
  /** Zones that are tended at the same time. */
  readonly concurrency: number;
  /** Told of each attempt that failed. */
  readonly onError: (error: unknown, what: string) => void;
}

/** Work on the queue: each job is a zone, and what is due for it. */
export function workOnJobs({ ports, queue, concurrency, onError }: JobsOptions): JobWorker {
  return queue.work({
    concurrency,
    run: ({ zoneId }) => unlessDeleted(tendZone(ports, zoneId)),
    async onFailure(failure) {
      onError(failure.error, describeFailure(failure));
      await unlessDeleted(postpone(ports, failure));
    },
  });
}

/** The store knows too when the zone is tried again, so that nothing feeds it before its time, and something does then. */
async function postpone(ports: ZonePorts, { zoneId, error, retryAfter }: JobFailure): Promise<void> {
  const rest = retryAfter === undefined ? restOf(await ports.store.getZone(zoneId)) : Math.ceil(retryAfter / 1000);
  await noteFailure(ports, zoneId, error, rest);
}

function describeFailure({ zoneId, attempt, retryAfter }: JobFailure): string {
  const next = retryAfter === undefined ? 'given up' : `again in ${Math.ceil(retryAfter / 1000)} s`;
  return `attempt ${attempt} to tend zone ${zoneId} (${next})`;
}

/** There is nothing to be done for a zone that is gone. */
async function unlessDeleted(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DnssecError) || error.code !== 'not-found') throw error;
  }
}
