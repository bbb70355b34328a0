import type { Database, Statement } from '#database/database.ts';
import { priorityOf, rankOf } from '#dnssec/adapters/jobs/job-rows.ts';
import { askForPause, JobLedger } from '#dnssec/adapters/jobs/ledger.ts';
import { joinGroup, ledgerCalls } from '#dnssec/adapters/jobs/ledger-queue.ts';
import type { QueueSettings } from '#dnssec/adapters/jobs/queue-settings.ts';
import { RateLimit } from '#dnssec/adapters/jobs/rate-limit.ts';
import { type RunContext, runUnderLease, type Settlement } from '#dnssec/adapters/jobs/run-job.ts';
import type { JobQueue, JobWork, JobWorker, QueueState } from '#dnssec/ports-jobs.ts';
import { pause } from '#lib/repeat.ts';

interface WaitingRow {
  readonly zone: number;
  readonly priority: number;
  readonly attempts: number;
  readonly puts: number;
}

const isFree = 'NOT EXISTS (SELECT 1 FROM job_leases l WHERE l.zone = w.zone AND l.until > ?)';

const sql = {
  put: `INSERT INTO waiting_jobs (zone, priority, run_at, attempts, puts) VALUES (?, ?, ?, 0, 1)
    ON CONFLICT (zone) DO UPDATE SET puts = waiting_jobs.puts + 1,
    priority = CASE WHEN excluded.priority < waiting_jobs.priority THEN excluded.priority ELSE waiting_jobs.priority END,
    run_at = CASE WHEN excluded.run_at < waiting_jobs.run_at THEN excluded.run_at ELSE waiting_jobs.run_at END`,
  next: `SELECT zone, priority, attempts, puts FROM waiting_jobs w WHERE run_at <= ? AND ${isFree}
    ORDER BY priority, run_at, zone LIMIT ?`,
  nextStart: 'SELECT min(run_at) AS at FROM waiting_jobs WHERE run_at > ?',
  over: 'DELETE FROM waiting_jobs WHERE zone = ? AND puts = ?',
  // What was put meanwhile begins anew: it may be another thing that is due.
  startAnew: 'UPDATE waiting_jobs SET attempts = 0 WHERE zone = ?',
  again: 'UPDATE waiting_jobs SET attempts = ?, run_at = CASE WHEN puts = ? THEN ? ELSE run_at END WHERE zone = ?',
  state: `SELECT count(CASE WHEN run_at <= ? AND ${isFree} THEN 1 END) AS waiting,
    count(CASE WHEN run_at > ? AND ${isFree} THEN 1 END) AS delayed, count(*) AS total FROM waiting_jobs w`,
};

/** Milliseconds between two looks at the queue when nothing in this process says that there is something new. */
const longestNap = 1000;

/**
 * Open the queue in the database itself, for services that have no Redis. Jobs wait in a table; the lease of a zone is
 * what a worker claims, so several processes may share a PostgreSQL database. The rate counts for each process.
 */
export function openEmbeddedQueue(database: Database, settings: QueueSettings): JobQueue {
  const { clock, rate } = settings;
  const ledger = new JobLedger(database);
  const context: RunContext = { ...settings, ledger };
  const workers = new Set<EmbeddedWorker>();
  const wake = () => workers.forEach((worker) => worker.wake());
  const put: JobQueue['put'] = async (jobs, group) => {
    await joinGroup(ledger, clock, jobs, group);
    const now = clock.now();
    // In the order in which runs lock them too.
    const ordered = jobs.toSorted((left, right) => left.zoneId - right.zoneId);
    await database.write(ordered.map((job) => ({ sql: sql.put, values: [job.zoneId, rankOf(job.priority), now] })));
    wake();
  };
  return {
    ...ledgerCalls(ledger, put),
    put,
    epoch: async () => 'embedded', // the table forgets nothing
    work(work: JobWork): JobWorker {
      const worker = new EmbeddedWorker(database, context, work, rate);
      workers.add(worker);
      return worker;
    },
    state: () => stateOf(database, ledger, clock.now()),
    pause: () => ledger.pause(clock.now()),
    async resume() {
      await ledger.resume();
      wake();
    },
    async close() {
      await Promise.all([...workers].map((worker) => worker.stop()));
      await database.close();
    },
  };
}

async function stateOf(database: Database, ledger: JobLedger, now: number): Promise<QueueState> {
  const [row] = await database.rows<{ waiting: number; delayed: number; total: number }>(sql.state, now, now, now, now);
  const { waiting = 0, delayed = 0, total = 0 } = row ?? {};
  const pausedAt = await ledger.pausedAt();
  return {
    waiting,
    delayed,
    active: total - waiting - delayed,
    dead: await ledger.countDead(),
    ...(pausedAt === undefined ? {} : { pausedAt }),
  };
}

/** Takes jobs from the table, as many at a time as it may run. */
class EmbeddedWorker implements JobWorker {
  readonly #database: Database;
  readonly #context: RunContext;
  readonly #work: JobWork;
  readonly #limit: RateLimit;
  readonly #stopping = new AbortController();
  readonly #running = new Map<number, Promise<void>>();
  readonly #rounds: Promise<void>;
  #nap = new AbortController();

  constructor(database: Database, context: RunContext, work: JobWork, rate: number) {
    this.#database = database;
    this.#context = context;
    this.#work = work;
    this.#limit = new RateLimit(rate, context.clock);
    this.#rounds = this.#goRound();
  }

  wake(): void {
    this.#nap.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#rounds;
    await Promise.all(this.#running.values());
  }

  async #goRound(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#nap = new AbortController(); // first: what wakes it during the round counts
      const nap = await this.#startSome().catch((error: unknown) => {
        this.#context.onError(error, 'queue');
        return longestNap;
      });
      if (nap > 0 && !this.#stopping.signal.aborted) await pause(nap, this.#nap.signal);
    }
  }

  /** @returns milliseconds in which there is nothing more to start, unless something wakes it */
  async #startSome(): Promise<number> {
    const free = this.#work.concurrency - this.#running.size;
    const { tokens, wait } = this.#limit.available(free);
    if (free === 0) return longestNap; // the end of a job wakes it
    if (tokens === 0) return Math.min(wait, longestNap);
    const now = this.#context.clock.now();
    const [paused, rows] = (await this.#database.readTogether([
      askForPause,
      // Those of this process may not have their lease yet.
      { sql: sql.next, values: [now, now, tokens + this.#running.size] },
    ])) as [unknown[], WaitingRow[]];
    if (paused.length > 0) return longestNap;
    const chosen = rows.filter(({ zone }) => !this.#running.has(zone)).slice(0, tokens);
    for (const row of chosen) {
      this.#limit.take();
      this.#running.set(row.zone, this.#finish(row));
    }
    if (chosen.length === tokens) return 0;
    const [next] = await this.#database.rows<{ at: number | null }>(sql.nextStart, now);
    return Math.min(longestNap, Math.max(1, (next?.at ?? Infinity) - now));
  }

  async #finish(row: WaitingRow): Promise<void> {
    try {
      await this.#run(row);
    } catch (error) {
      this.#context.onError(error, 'queue');
    } finally {
      this.#running.delete(row.zone);
      this.wake();
    }
  }

  async #run({ zone, priority, attempts, puts }: WaitingRow): Promise<void> {
    const job = { zoneId: zone, priority: priorityOf(priority), attempt: attempts + 1 };
    await runUnderLease(this.#context, this.#work, job, settlementOf(zone, puts, attempts + 1));
  }
}

function settlementOf(zone: number, puts: number, attempt: number): Settlement {
  const over: Statement[] = [
    { sql: sql.over, values: [zone, puts] },
    { sql: sql.startAnew, values: [zone] },
  ];
  return { over, again: (at) => [{ sql: sql.again, values: [attempt, puts, at, zone] }] };
}
