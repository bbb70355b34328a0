import { Worker, type TransferListItem } from 'node:worker_threads';
import {
  errorOf,
  type BatchAnswer,
  type BatchJob,
  type ForgetTarget,
  type Reply,
  type Request,
  type Response,
  type Task,
} from '#kms/adapters/provider-node-protocol.ts';
import type { WorkerSetup } from '#kms/adapters/provider-node-worker.ts';
import { KmsError } from '#kms/core/errors.ts';
import { buffersOf } from '#lib/packed.ts';

/** Microseconds of work in one message: enough to pay for it, and little enough that a small call waits for no big one. */
const messageCost = 10_000;
/** Less than this is not worth a message of its own while there is more. */
const leastMessageCost = 200;
/** One message is worked on while the next one waits in the worker, so that it never idles for the main thread. */
const messagesPerWorker = 2;
/** A worker that dies sooner than this, in milliseconds, is replaced only after a pause. */
const healthyLife = 5000;
/** So many workers in a row may end without an answer from any, before waiting calls fail. */
const mostEarlyDeaths = 8;
/** An RSA key takes seconds of a core to make, so that few may be under way. */
const mostTasks = 64;
const workerFile = new URL('provider-node-worker.ts', import.meta.url);

/** A call on its way: its jobs go out one after the other, in turn with those of the other calls. */
interface Lane {
  readonly jobs: readonly BatchJob[];
  readonly answers: BatchAnswer[];
  next: number;
  missing: number;
  failed: boolean;
  readonly resolve: (answers: readonly BatchAnswer[]) => void;
  readonly reject: (error: KmsError) => void;
}

/** What a worker owes, by message. `settle` is given undefined when the worker died. */
type Settle = (response: Response | undefined) => void;

interface Seat {
  readonly worker: Worker;
  readonly owed: Map<number, Settle>;
  /** Messages with jobs among them. */
  busy: number;
}

/**
 * Spreads batches over worker threads. Calls take turns, so a batch of ten thousand does not hold up a single signature.
 * A worker that dies fails what it was doing with `worker-lost` and is replaced; what had not been sent to it goes on.
 */
export class WorkerPool {
  readonly #setup: WorkerSetup;
  readonly #size: number;
  readonly #seats = new Set<Seat>();
  readonly #lanes: Lane[] = [];
  readonly #drained: (() => void)[] = [];
  #nextId = 1;
  #backlog = 0;
  #tasks = 0;
  /** Workers that ended since one last answered. */
  #earlyDeaths = 0;
  #closed = false;

  constructor(size: number, setup: WorkerSetup) {
    this.#setup = setup;
    this.#size = size;
    for (let index = 0; index < size; index++) this.#spawn();
  }

  /** Microseconds of work that no worker has begun. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Split so much work over this many microseconds a piece. */
  pieceCost(total: number): number {
    return Math.min(messageCost, Math.max(500, total / this.#size));
  }

  run(jobs: readonly BatchJob[]): Promise<readonly BatchAnswer[]> {
    return new Promise((resolve, reject) => {
      this.#lanes.push({ jobs, answers: [], next: 0, missing: jobs.length, failed: false, resolve, reject });
      for (const { cost } of jobs) this.#backlog += cost;
      // After the calls that are made together with this one, so that they can share a message.
      if (this.#lanes.length === 1) queueMicrotask(() => this.#dispatch());
    });
  }

  async task(task: Task): Promise<readonly Uint8Array[]> {
    const seat = this.#leastBusy();
    if (seat === undefined) throw lost();
    if (this.#tasks >= mostTasks) {
      throw new KmsError('overloaded', 'too many keys are being made: try again in a moment');
    }
    this.#tasks++;
    const response = await this.#ask(seat, (id) => ({ id, task }));
    this.#tasks--;
    if (response === undefined || !('task' in response)) throw lost();
    if ('failure' in response.task) throw errorOf(response.task.failure);
    return response.task.answer;
  }

  /** Resolves when every worker that lives has dropped and wiped it. One that starts later holds nothing. */
  async forget(forget: ForgetTarget | 'everything'): Promise<void> {
    await Promise.all([...this.#seats].map((seat) => this.#ask(seat, (id) => ({ id, forget }))));
  }

  /** Finish what was begun, then wipe and end the workers. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#idle();
    await this.forget('everything');
    await Promise.all([...this.#seats].map(({ worker }) => worker.terminate()));
  }

  #idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Whether no call waits or is worked on. */
  get isIdle(): boolean {
    return this.#lanes.length === 0 && [...this.#seats].every(({ owed }) => owed.size === 0);
  }

  #spawn(): void {
    const born = performance.now();
    const worker = new Worker(workerFile, { workerData: this.#setup, name: 'kms-crypto' });
    const seat: Seat = { worker, owed: new Map(), busy: 0 };
    this.#seats.add(seat);
    worker.on('message', (response: Response) => this.#receive(seat, response));
    worker.on('error', () => undefined); // an exit follows, which is acted on
    worker.on('exit', () => this.#bury(seat, performance.now() - born));
  }

  #bury(seat: Seat, life: number): void {
    this.#seats.delete(seat);
    for (const settle of seat.owed.values()) settle(undefined);
    seat.owed.clear();
    this.#earlyDeaths++;
    if (this.#earlyDeaths > mostEarlyDeaths) this.#failWaiting();
    this.#notifyWhenIdle();
    if (this.#closed && this.#lanes.length === 0) return;
    if (life >= healthyLife) this.#replace();
    else setTimeout(() => this.#replace(), 200).unref();
  }

  /** Workers that cannot even start would let calls wait for ever. */
  #failWaiting(): void {
    for (const lane of this.#lanes.splice(0)) fail(lane, lost());
    this.#backlog = 0;
  }

  #replace(): void {
    if (this.#closed && this.#lanes.length === 0) return;
    this.#spawn();
    this.#dispatch();
  }

  #receive(seat: Seat, response: Response): void {
    this.#earlyDeaths = 0;
    const settle = seat.owed.get(response.id);
    seat.owed.delete(response.id);
    settle?.(response);
    this.#dispatch();
    this.#notifyWhenIdle();
  }

  #notifyWhenIdle(): void {
    if (this.#drained.length > 0 && this.isIdle) for (const resolve of this.#drained.splice(0)) resolve();
  }

  #ask(seat: Seat, compose: (id: number) => Request): Promise<Response | undefined> {
    return new Promise((resolve) => this.#send(seat, compose, resolve, []));
  }

  #send(seat: Seat, compose: (id: number) => Request, settle: Settle, transfer: readonly TransferListItem[]): void {
    const id = this.#nextId++;
    seat.owed.set(id, settle);
    seat.worker.postMessage(compose(id), [...transfer]);
  }

  #leastBusy(): Seat | undefined {
    let best: Seat | undefined;
    for (const seat of this.#seats) if (best === undefined || seat.owed.size < best.owed.size) best = seat;
    return best;
  }

  #dispatch(): void {
    while (this.#lanes.length > 0) {
      let seat: Seat | undefined;
      for (const candidate of this.#seats) {
        if (candidate.busy < messagesPerWorker && (seat === undefined || candidate.busy < seat.busy)) seat = candidate;
      }
      if (seat === undefined) return;
      const taken = this.#takeJobs();
      if (taken.length > 0) this.#sendJobs(seat, taken);
    }
  }

  /** Take jobs of all calls in turn, up to this worker's share of one message. */
  #takeJobs(): readonly (readonly [Lane, number, BatchJob])[] {
    const share = Math.min(messageCost, Math.max(leastMessageCost, this.#backlog / this.#size));
    const taken: (readonly [Lane, number, BatchJob])[] = [];
    let cost = 0;
    while (taken.length === 0 || cost < share) {
      const lane = this.#lanes.shift();
      if (lane === undefined) break;
      const index = lane.next++;
      const job = lane.jobs[index];
      if (job === undefined) continue;
      this.#backlog -= job.cost;
      if (lane.next < lane.jobs.length) this.#lanes.push(lane);
      if (lane.failed) continue;
      taken.push([lane, index, job]);
      cost += job.cost;
    }
    return taken;
  }

  #sendJobs(seat: Seat, taken: readonly (readonly [Lane, number, BatchJob])[]): void {
    const jobs = taken.map(([, , job]) => job);
    seat.busy++;
    const settle: Settle = (response) => {
      seat.busy--;
      for (const [position, [lane, index]] of taken.entries()) {
        deliver(lane, index, response !== undefined && 'jobs' in response ? response.jobs[position] : undefined);
      }
    };
    this.#send(seat, (id) => ({ id, jobs }), settle, buffersOf(jobs.map(({ items }) => items)));
  }
}

function deliver(lane: Lane, index: number, reply: Reply<BatchAnswer> | undefined): void {
  if (reply === undefined) return fail(lane, lost());
  if ('failure' in reply) return fail(lane, errorOf(reply.failure));
  lane.answers[index] = reply.answer;
  lane.missing--;
  if (lane.missing === 0) lane.resolve(lane.answers);
}

function fail(lane: Lane, error: KmsError): void {
  lane.failed = true;
  lane.reject(error);
}

function lost(): KmsError {
  return new KmsError('worker-lost', 'a worker thread ended while it had this call: try again');
}
