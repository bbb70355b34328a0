import type { JobPriority } from '#dnssec/core/managed/urgency.ts';

/** Work that a zone asks for. It carries no data: whoever runs it looks into the store for what is due. */
export interface ZoneJob {
  readonly zoneId: number;
  readonly priority: JobPriority;
}

/** Jobs that one cause asked for, such as the rotation of a key that many zones share. */
export interface JobGroup {
  /** Up to 200 characters. A second `put` with the same id adds to the group. */
  readonly id: string;
  /** For people. */
  readonly title: string;
}

export interface JobGroupProgress extends JobGroup {
  /** Milliseconds since the epoch, as all times here. */
  readonly startedAt: number;
  /** When the last job ended; absent while there are open ones. */
  readonly endedAt?: number;
  /** Zones. `total` = `open` + `done` + `failed`. */
  readonly total: number;
  readonly open: number;
  readonly done: number;
  readonly failed: number;
}

/** A job that failed as often as it may, and waits for somebody to look at it. */
export interface DeadJob extends ZoneJob {
  readonly attempts: number;
  /** Why the last attempt failed. */
  readonly error: string;
  readonly at: number;
}

export interface QueueState {
  /** Jobs that could start at once. */
  readonly waiting: number;
  /** Jobs that wait for another attempt. */
  readonly delayed: number;
  readonly active: number;
  /** Jobs in the list of the dead. */
  readonly dead: number;
  /** Since when nothing is started; absent while the queue runs. */
  readonly pausedAt?: number;
}

/** One attempt at a job. */
export interface JobRun extends ZoneJob {
  /** 1, 2, 3, … */
  readonly attempt: number;
}

export interface JobFailure extends JobRun {
  readonly error: unknown;
  /** Milliseconds until the next attempt; absent when this was the last one. */
  readonly retryAfter?: number;
}

export interface JobWork {
  /** Do what is due for a zone. Safe to repeat: what is done already is not done again. */
  readonly run: (job: JobRun) => Promise<void>;
  /** Told of each failed attempt before the job is given up or put back. */
  readonly onFailure: (failure: JobFailure) => Promise<void>;
  /** Jobs that this process runs at the same time. */
  readonly concurrency: number;
}

/** A process at work. */
export interface JobWorker {
  /** Start nothing any more, and wait for what is under way. */
  stop(): Promise<void>;
}

/**
 * The queue of zones that have something due.
 *
 * **The store of the zones is the truth, the queue only spreads the work.** A zone is due by its row in the store, whoever
 * asks; a feeder puts all due zones again and again, and at once after `epoch` changed. So the queue may forget jobs (its
 * server was killed or wiped) and may run a job twice one after the other (a worker was killed), and nothing is lost by
 * the one, nor signed again by the other.
 *
 * - Consistency: one job a zone. Putting a zone that waits changes nothing but its priority, which can only rise, and its
 *   start, which is now; putting one that runs lets it run once more afterwards.
 * - Concurrency: a zone is run by one worker at a time, in whatever process, also when the server of the queue forgot
 *   who runs what: a lease in the database says so. It is renewed while the job runs, and falls to the next worker when
 *   its holder is gone. Clocks of workers may differ by less than half a lease.
 * - Order: more urgent jobs start first; those that are equally urgent in the order in which they were put, more or less.
 * - Durability: dead jobs, the pause and the groups are in the database; they survive the queue's server and the service.
 * - Retries: a failed job comes again, later each time and never all at the same moment, a bounded number of times. Then
 *   it is dead. The one who puts owes no retry; a `put` that rejects is made up for by the feeder.
 * - Every call may reject with `JobQueueError unavailable` while the server of the queue is away. Workers wait for it.
 */
export interface JobQueue {
  /** @param group what the jobs are a part of: its progress counts each zone once, as done when a run that began after this call ended well */
  put(jobs: readonly ZoneJob[], group?: JobGroup): Promise<void>;
  /** Return what changes whenever the queue may have forgotten jobs. */
  epoch(): Promise<string>;
  work(work: JobWork): JobWorker;
  state(): Promise<QueueState>;
  /** Start nothing in any process from now on, until `resume`. What runs goes on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** By zone. @param after zone of the last one that was seen */
  listDead(limit: number, after?: number): Promise<readonly DeadJob[]>;
  /** Put dead jobs again, with all their attempts. @param zoneIds all of them without it @returns how many there were */
  retryDead(zoneIds?: readonly number[]): Promise<number>;
  /** The newest first. */
  listGroups(limit: number): Promise<readonly JobGroupProgress[]>;
  findGroup(id: string): Promise<JobGroupProgress | undefined>;
  /** Stop its workers and let go of its server. */
  close(): Promise<void>;
}
