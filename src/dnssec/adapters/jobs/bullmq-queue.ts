import { randomBytes } from 'node:crypto';
import { type BulkJobOptions, DelayedError, type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import type { Database } from '#database/database.ts';
import { priorityOf, rankOf } from '#dnssec/adapters/jobs/job-rows.ts';
import { JobLedger } from '#dnssec/adapters/jobs/ledger.ts';
import { joinGroup, ledgerCalls } from '#dnssec/adapters/jobs/ledger-queue.ts';
import type { QueueSettings } from '#dnssec/adapters/jobs/queue-settings.ts';
import { callOptions, ErrorDam, JobQueueError, reaching, workerOptions } from '#dnssec/adapters/jobs/redis-link.ts';
import { type RunContext, runUnderLease } from '#dnssec/adapters/jobs/run-job.ts';
import type { JobPriority } from '#dnssec/core/managed/urgency.ts';
import type { JobQueue, JobWork, JobWorker, QueueState, ZoneJob } from '#dnssec/ports-jobs.ts';
import type { SecretText } from '#lib/secret-text.ts';

export interface BullmqSettings extends QueueSettings {
  readonly url: SecretText;
  /** Keys in Redis begin with it. */
  readonly prefix: string;
}

interface JobData {
  readonly zone: number;
}

const queueName = 'zones';
/** Jobs that go to Redis at once. */
const together = 500;
/** Milliseconds after which a job is looked at again whose zone another run holds. */
const heldDelay = 1000;
/** Milliseconds that a worker that ends waits for Redis. */
const longestGoodbye = 2000;

/** A failed attempt with the time after which BullMQ shall try again. */
class RetryLater extends Error {
  readonly after: number;

  constructor(after: number, cause: unknown) {
    super('the attempt failed', { cause });
    this.after = after;
  }
}

/**
 * Open the queue on Redis. BullMQ has the jobs that wait, their order and their retries; the ledger in the database has all
 * that must outlive Redis. Every process may put, and any number of them work.
 */
export function openBullmqQueue(database: Database, settings: BullmqSettings): JobQueue {
  return new BullmqQueue(database, settings);
}

class BullmqQueue implements JobQueue {
  readonly #database: Database;
  readonly #settings: BullmqSettings;
  readonly #ledger: JobLedger;
  readonly #queue: Queue<JobData>;
  readonly #dam: ErrorDam;
  readonly #workers = new Set<JobWorker>();
  readonly listDead: JobQueue['listDead'];
  readonly listGroups: JobQueue['listGroups'];
  readonly findGroup: JobQueue['findGroup'];
  readonly retryDead: JobQueue['retryDead'];

  constructor(database: Database, settings: BullmqSettings) {
    this.#database = database;
    this.#settings = settings;
    this.#ledger = new JobLedger(database);
    ({
      listDead: this.listDead,
      listGroups: this.listGroups,
      findGroup: this.findGroup,
      retryDead: this.retryDead,
    } = ledgerCalls(this.#ledger, (jobs, group) => this.put(jobs, group)));
    this.#dam = new ErrorDam(
      (error) => settings.onError(error, 'connection to Redis'),
      () => settings.clock.now(),
    );
    const { url, prefix } = settings;
    // Whether Redis is there must not decide whether the service starts: calls find out.
    const lazy = { skipWaitingForReady: true, skipVersionCheck: true, skipMetasUpdate: true };
    this.#queue = new Queue(queueName, { connection: callOptions(url), prefix, ...lazy });
    this.#queue.on('error', (error) => this.#dam.failed(error));
  }

  async put(...[jobs, group]: Parameters<JobQueue['put']>): Promise<void> {
    await joinGroup(this.#ledger, this.#settings.clock, jobs, group);
    for (let start = 0; start < jobs.length; start += together) {
      const some = jobs.slice(start, start + together);
      const added = await this.#call(() => this.#queue.addBulk(some.map((job) => this.#described(job))));
      for (const [index, { id }] of added.entries()) {
        const job = some[index];
        if (id !== undefined && job !== undefined && isLessUrgent(id, job.priority))
          await this.#raise(id, job.priority);
      }
    }
  }

  #described({ zoneId, priority }: ZoneJob): { name: string; data: JobData; opts: BulkJobOptions } {
    const { attempts } = this.#settings.retries;
    return {
      name: 'tend',
      data: { zone: zoneId },
      opts: {
        jobId: composeId(zoneId, priority),
        priority: rankOf(priority) + 1,
        attempts,
        backoff: { type: 'custom' },
        removeOnComplete: true,
        removeOnFail: true,
        deduplication: { id: String(zoneId), keepLastIfActive: true, reschedule: true },
      },
    };
  }

  /** A job that is gone by now was started after this `put` began, which is all that was asked for. */
  async #raise(id: string, priority: JobPriority): Promise<void> {
    const job = await this.#call(() => this.#queue.getJob(id));
    if (job === undefined || job.priority <= rankOf(priority) + 1) return;
    try {
      await this.#call(() => job.changePriority({ priority: rankOf(priority) + 1 }));
    } catch (error) {
      if ((await this.#call(() => this.#queue.getJob(id))) !== undefined) throw error;
    }
  }

  /** A mark in Redis, which goes with a wipe, and the run of its server. */
  async epoch(): Promise<string> {
    const key = `${this.#settings.prefix}:epoch`;
    const [mark, info] = await this.#call(async () => {
      const client = await this.#queue.getBackend().client;
      // Of two processes that find none, the later one wins; the other then sees a change, and feeds once more.
      if ((await client.get(key)) === null) await client.set(key, randomBytes(9).toString('hex'));
      return Promise.all([client.get(key), client.info()]);
    });
    await this.#agreeOnPause();
    return `${mark} ${/run_id:(\w+)/.exec(info)?.[1]}`;
  }

  /** Redis may have forgotten that the queue is paused, or that it is not. */
  async #agreeOnPause(): Promise<void> {
    const isPaused = (await this.#ledger.pausedAt()) !== undefined;
    if (isPaused === (await this.#call(() => this.#queue.isPaused()))) return;
    await this.#call(() => (isPaused ? this.#queue.pause() : this.#queue.resume()));
  }

  work(work: JobWork): JobWorker {
    const { url, prefix, rate, leaseTime, onError, clock } = this.#settings;
    const context: RunContext = { ...this.#settings, ledger: this.#ledger };
    const dam = new ErrorDam(
      (error) => onError(error, 'worker'),
      () => clock.now(),
    );
    const running = new Set<Promise<void>>();
    const run = async (job: Job<JobData>, token?: string): Promise<void> => {
      const mine = runBullmqJob(context, work, job, token);
      const settled = mine.catch(() => undefined);
      running.add(settled);
      try {
        await mine;
      } finally {
        running.delete(settled);
      }
    };
    const worker = new Worker<JobData>(queueName, run, {
      connection: workerOptions(url),
      prefix,
      concurrency: work.concurrency,
      lockDuration: leaseTime,
      stalledInterval: leaseTime,
      maxStalledCount: 1_000_000, // the ledger counts the starts of a job, whatever Redis forgot
      runRetryDelay: 1000,
      settings: {
        backoffStrategy: (_attempts, _type, error) => (error instanceof RetryLater ? error.after : heldDelay),
      },
      ...(rate === 0 ? {} : { limiter: { max: rate, duration: 1000 } }),
    });
    worker.on('error', (error) => dam.failed(error));
    worker.on('active', () => dam.isBack());
    let wasReached = false;
    worker.on('ready', () => (wasReached = true));
    const stop = once(() => endWorker(worker, running, wasReached));
    this.#workers.add({ stop });
    return { stop };
  }

  async state(): Promise<QueueState> {
    const counted = await this.#call(() => this.#queue.getJobCounts('wait', 'prioritized', 'delayed', 'active'));
    const { wait = 0, prioritized = 0, delayed = 0, active = 0 } = counted;
    const pausedAt = await this.#ledger.pausedAt();
    return {
      waiting: wait + prioritized,
      delayed,
      active,
      dead: await this.#ledger.countDead(),
      ...(pausedAt === undefined ? {} : { pausedAt }),
    };
  }

  async pause(): Promise<void> {
    await this.#ledger.pause(this.#settings.clock.now());
    await this.#agreeOnPause();
  }

  async resume(): Promise<void> {
    await this.#ledger.resume();
    await this.#agreeOnPause();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
    await endQueue(this.#queue);
    await this.#database.close();
  }

  async #call<Result>(call: () => Promise<Result>): Promise<Result> {
    const result = await reaching(call);
    this.#dam.isBack();
    return result;
  }
}

/** Run a job of BullMQ, and tell BullMQ what to do with it by what is thrown. */
async function runBullmqJob(
  context: RunContext,
  work: JobWork,
  job: Job<JobData>,
  token: string | undefined,
): Promise<void> {
  const { zone } = job.data;
  const priority = priorityOf(Math.max(0, job.priority - 1));
  const outcome = await runUnderLease(context, work, { zoneId: zone, priority, attempt: job.attemptsMade + 1 });
  if (outcome.kind === 'held') {
    await job.moveToDelayed(context.clock.now() + heldDelay, token);
    throw new DelayedError();
  }
  if (outcome.kind === 'retry') throw new RetryLater(outcome.after, outcome.error);
  if (outcome.kind === 'dead') throw new UnrecoverableError('given up');
}

/**
 * Wait for what is under way. What Redis does not hear of it, being away, is put again and found done.
 *
 * @param wasReached without having reached Redis once, a worker ends by force alone
 */
async function endWorker(worker: Worker, running: ReadonlySet<Promise<void>>, wasReached: boolean): Promise<void> {
  await worker.pause(true);
  while (running.size > 0) await Promise.all(running);
  const closed = worker.close(!wasReached);
  const timer = AbortSignal.timeout(longestGoodbye);
  const isTooLong = new Promise<void>((resolve) => timer.addEventListener('abort', () => resolve()));
  await Promise.race([closed, isTooLong]);
  if (timer.aborted) await worker.disconnect();
}

/** There is nothing to lose: whatever was put was answered. */
async function endQueue(queue: Queue): Promise<void> {
  try {
    await reaching(() => queue.close());
  } catch (error) {
    if (!(error instanceof JobQueueError)) throw error;
    await queue.disconnect();
  }
}

/** Ids tell the priority, so that a `put` that meets a job knows whether it is urgent enough. */
function composeId(zoneId: number, priority: JobPriority): string {
  return `${zoneId}.${rankOf(priority)}.${randomBytes(6).toString('hex')}`;
}

function isLessUrgent(id: string, priority: JobPriority): boolean {
  return Number(id.split('.')[1]) > rankOf(priority);
}

function once<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined;
  return () => (result ??= work());
}
