import type { JobPlace } from '#dnssec/adapters/jobs/job-database.ts';
import { openQueue } from '#dnssec/adapters/jobs/open-queue.ts';
import { defaultLeaseTime } from '#dnssec/adapters/jobs/queue-settings.ts';
import { defaultRetries } from '#dnssec/adapters/jobs/retries.ts';
import { fanOut, type KeyRotation } from '#dnssec/operations/zones/fan-out.ts';
import { startFeeding } from '#dnssec/operations/zones/feed-jobs.ts';
import { startWatching } from '#dnssec/operations/zones/watch-kms-keys.ts';
import { workOnJobs } from '#dnssec/operations/zones/work-on-jobs.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { JobQueue } from '#dnssec/ports-jobs.ts';
import type { SecretText } from '#lib/secret-text.ts';

export interface TendingOptions {
  /** Where the zones are. */
  readonly place: JobPlace;
  readonly ports: ZonePorts;
  /** Redis for the queue; it is embedded in the database of the zones without one. */
  readonly redisUrl?: SecretText | undefined;
  /** Zones that this process tends at the same time; with 0 it only feeds the queue. */
  readonly concurrency: number;
  /** Zones that may be begun in a second; 0 for no limit. */
  readonly rate: number;
  /** Milliseconds after which the zone of a worker that is gone falls to another one. */
  readonly leaseTime?: number | undefined;
  readonly onError: (error: unknown, what: string) => void;
}

export interface Tending {
  readonly queue: JobQueue;
  /** Begin nothing any more, and wait for what is under way. */
  close(): Promise<void>;
}

/** Tend the zones as they become due: watch their KMS keys, feed the queue from the store, and work on it. @throws DatabaseError unavailable */
export async function openTending(options: TendingOptions): Promise<Tending> {
  const { place, ports, redisUrl, concurrency, rate, leaseTime = defaultLeaseTime, onError } = options;
  const queue = await openQueue({
    place,
    redis: redisUrl === undefined ? undefined : { url: redisUrl, prefix: 'zoneseal' },
    clock: ports.clock,
    retries: defaultRetries,
    leaseTime,
    rate,
    onError,
  });
  const feeding = startFeeding({ store: ports.store, clock: ports.clock, queue }, onError);
  const fanOutTo = (rotation: KeyRotation) => fanOut({ store: ports.store, queue }, rotation);
  const watching = concurrency > 0 ? startWatching(ports, onError, fanOutTo) : undefined;
  if (concurrency > 0) workOnJobs({ ports, queue, concurrency, onError });
  return {
    queue,
    async close() {
      await watching?.stop();
      await feeding.stop();
      await queue.close();
    },
  };
}
