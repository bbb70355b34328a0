import { randomUUID } from 'node:crypto';
import type { Statement } from '#database/database.ts';
import type { JobLedger, Lease } from '#dnssec/adapters/jobs/ledger.ts';
import { type Retries, waitAfter } from '#dnssec/adapters/jobs/retries.ts';
import type { JobRun, JobWork } from '#dnssec/ports-jobs.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';

/** What runs of jobs have in common. */
export interface RunContext {
  readonly ledger: JobLedger;
  readonly clock: Clock;
  readonly retries: Retries;
  /** Milliseconds after which the job of a worker that is gone falls to another one. */
  readonly leaseTime: number;
  readonly onError: (error: unknown, what: string) => void;
}

/** What a queue writes with the end of a run, in one transaction with it. */
export interface Settlement {
  readonly over: readonly Statement[];
  again(at: number): readonly Statement[];
}

/** `held`: another run has the zone; `lost`: another run took it over, so what became of this one is not written. */
export type Outcome =
  | { readonly kind: 'done' | 'dead' | 'held' | 'lost' }
  | { readonly kind: 'retry'; readonly after: number; readonly error: unknown };

const nothing: Settlement = { over: [], again: () => [] };

/** Longest text that is kept of an error. */
const errorLength = 500;

/**
 * Run one attempt at a job while holding the lease of its zone, and write down what became of it.
 *
 * When the process ends at any place in here the lease stays until its time has passed. Then the job runs again: the
 * operation finds done what was published, and does the rest.
 */
export async function runUnderLease(
  context: RunContext,
  work: JobWork,
  job: JobRun,
  settlement: Settlement = nothing,
): Promise<Outcome> {
  const { ledger, clock, leaseTime } = context;
  const { zoneId } = job;
  const lease: Lease = { zoneId, owner: randomUUID() };
  const started = await ledger.start(lease, clock.now(), clock.now() + leaseTime);
  if (started === 'held') return { kind: 'held' };
  if (started === 'worn-out') {
    const error = new Error('the workers that ran it ended before they were through, several times in a row');
    return giveUp(context, work, { ...job, error }, undefined, settlement);
  }
  using _renewal = keepRenewing(context, lease);
  try {
    await work.run(job);
  } catch (error) {
    const after = waitAfter(context.retries, job.attempt);
    if (after === undefined) return giveUp(context, work, { ...job, error }, lease, settlement);
    await work.onFailure({ ...job, error, retryAfter: after });
    const isWritten = await ledger.release(lease, settlement.again(clock.now() + after));
    return isWritten ? { kind: 'retry', after, error } : { kind: 'lost' };
  }
  return { kind: (await ledger.finish(lease, clock.now(), settlement.over)) ? 'done' : 'lost' };
}

async function giveUp(
  { ledger, clock }: RunContext,
  work: JobWork,
  failure: JobRun & { readonly error: unknown },
  lease: Lease | undefined,
  { over }: Settlement,
): Promise<Outcome> {
  await work.onFailure(failure);
  const { zoneId, priority, attempt } = failure;
  const error = messageOf(failure.error).slice(0, errorLength);
  const dead = { zoneId, priority, attempts: attempt, error, at: clock.now() };
  return { kind: (await ledger.bury(dead, lease?.owner, over)) ? 'dead' : 'lost' };
}

/** A renewal that fails is tried again before the lease ends; the compare-and-swap of the store guards the rest. */
function keepRenewing({ ledger, clock, leaseTime, onError }: RunContext, lease: Lease): Disposable {
  const renew = (): void => {
    ledger.renew(lease, clock.now() + leaseTime).catch((error: unknown) => onError(error, 'renewal of a lease'));
  };
  const timer = setInterval(renew, leaseTime / 3);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
