import type { Retries } from '#dnssec/adapters/jobs/retries.ts';
import type { Clock } from '#lib/clock.ts';

export interface QueueSettings {
  readonly clock: Clock;
  readonly retries: Retries;
  /** Milliseconds after which the job of a worker that is gone falls to another one. */
  readonly leaseTime: number;
  /** Jobs that may start in a second, so that the KMS is not overrun; 0 for no limit. */
  readonly rate: number;
  /** Told of failures of the queue itself, never of those of jobs. */
  readonly onError: (error: unknown, what: string) => void;
}

/** Milliseconds: three renewals may fail before a lease is lost. */
export const defaultLeaseTime = 30_000;
