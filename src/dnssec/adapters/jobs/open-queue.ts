import { openBullmqQueue } from '#dnssec/adapters/jobs/bullmq-queue.ts';
import { openEmbeddedQueue } from '#dnssec/adapters/jobs/embedded-queue.ts';
import { type JobPlace, openJobDatabase } from '#dnssec/adapters/jobs/job-database.ts';
import type { QueueSettings } from '#dnssec/adapters/jobs/queue-settings.ts';
import type { JobQueue } from '#dnssec/ports-jobs.ts';
import type { SecretText } from '#lib/secret-text.ts';

export interface QueueOptions extends QueueSettings {
  /** Where the zones are. */
  readonly place: JobPlace;
  /** Redis; the queue is embedded in the database without it. */
  readonly redis?: { readonly url: SecretText; readonly prefix: string } | undefined;
}

/** Open the queue. Redis may be away: it is waited for. @throws DatabaseError unavailable */
export async function openQueue({ place, redis, ...settings }: QueueOptions): Promise<JobQueue> {
  const database = await openJobDatabase(place, (error) => settings.onError(error, 'connection to the jobs'));
  if (redis === undefined) return openEmbeddedQueue(database, settings);
  return openBullmqQueue(database, { ...settings, ...redis });
}
