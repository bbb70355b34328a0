import { expect } from 'vitest';
import { patience } from '#test/support/patience.ts';
import type { JobFailure, JobQueue, JobRun, JobWork, JobWorker } from '#dnssec/ports-jobs.ts';

/** What a worker of a test was given to run. */
export interface Watched {
  readonly runs: JobRun[];
  readonly failures: JobFailure[];
  readonly spans: { readonly zoneId: number; readonly from: number; readonly to: number }[];
  readonly worker: JobWorker;
  until(runs: number): Promise<void>;
  /** Most jobs that ran at the same time. */
  most(): number;
  mostOfOneZone(): number;
}

/** Work on a queue and write down what is run. @param options `run` is told how many runs there were with this one */
export function watch(
  queue: JobQueue,
  options: { concurrency?: number; run?: (number: number, job: JobRun) => Promise<void> } = {},
): Watched {
  const runs: JobRun[] = [];
  const failures: JobFailure[] = [];
  const spans: Watched['spans'] = [];
  const running: number[] = [];
  let [most, mostOfOneZone] = [0, 0];
  const work: JobWork = {
    concurrency: options.concurrency ?? 8,
    async run(job) {
      runs.push(job);
      running.push(job.zoneId);
      most = Math.max(most, running.length);
      mostOfOneZone = Math.max(mostOfOneZone, running.filter((zoneId) => zoneId === job.zoneId).length);
      const from = performance.now();
      try {
        await options.run?.(runs.length, job);
      } finally {
        running.splice(running.indexOf(job.zoneId), 1);
        spans.push({ zoneId: job.zoneId, from, to: performance.now() });
      }
    },
    onFailure: async (failure) => void failures.push(failure),
  };
  const worker = queue.work(work);
  const until = (number: number) => eventually(() => expect(runs.length).toBeGreaterThanOrEqual(number));
  return { runs, failures, spans, worker, until, most: () => most, mostOfOneZone: () => mostOfOneZone };
}

/** Runs of one zone at the same time. */
export function overlaps(spans: Watched['spans']): Watched['spans'] {
  return spans.filter((one, index) =>
    spans.some((two, other) => other > index && two.zoneId === one.zoneId && two.from < one.to && one.from < two.to),
  );
}

/** Wait until nothing waits or runs. */
export function isIdle(queue: JobQueue): Promise<void> {
  return eventually(async () => expect(await queue.state()).toMatchObject({ waiting: 0, delayed: 0, active: 0 }));
}

/** Wait until a check holds. */
export async function eventually(check: () => void | Promise<void>, milliseconds = patience): Promise<void> {
  await expect
    .poll(
      async () => {
        try {
          await check();
          return undefined;
        } catch (error) {
          return error;
        }
      },
      { timeout: milliseconds, interval: 10 },
    )
    .toBeUndefined();
}
