import { Worker } from 'node:worker_threads';
import { buffersOf } from '#lib/packed.ts';
import type { VerifierAnswer, VerifierTask } from '#dnssec/adapters/verifier-worker.ts';
import type { SignatureBatch } from '#dnssec/ports.ts';

const workerFile = new URL('verifier-worker.ts', import.meta.url);

interface Pending {
  readonly resolve: (valid: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

interface Seat {
  readonly worker: Worker;
  /** What the worker owes, by task. */
  readonly owed: Map<number, Pending>;
  /** Checks among it. */
  checks: number;
}

/** Checks that are worth another thread: to start it takes a core as long as a thousand of the fastest. */
const worthAThread = 500;

/**
 * Threads that verify. They are started when there is work for them, keep no process alive, and hold no state: a thread
 * that dies fails its tasks and is replaced by the next one. A pool of our own, since Tinypool asks for the memory of the
 * process after each task, which takes as long as ten verifications.
 */
export class VerifierPool {
  readonly #size: number;
  readonly #seats = new Set<Seat>();
  #nextId = 0;
  #closed = false;

  /** @param size threads at most */
  constructor(size: number) {
    this.#size = size;
  }

  /** Verify on the thread with the least to do. The buffers of the task are handed over. @returns 1 or 0 for each check */
  run({ dnskey, signedData, signatures }: SignatureBatch): Promise<Uint8Array> {
    if (this.#closed) return Promise.reject(new Error('the verifier is closed'));
    const seat = this.#chooseSeat();
    const id = this.#nextId++;
    const checks = signedData.ends.length;
    const task: VerifierTask = { id, dnskey, signedData, signatures };
    seat.checks += checks;
    return new Promise<Uint8Array>((resolve, reject) => {
      seat.owed.set(id, { resolve, reject });
      seat.worker.ref();
      seat.worker.postMessage(task, buffersOf([signedData, signatures]));
    }).finally(() => (seat.checks -= checks));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#seats].map(({ worker }) => worker.terminate()));
  }

  #chooseSeat(): Seat {
    let best: Seat | undefined;
    for (const seat of this.#seats) if (best === undefined || seat.checks < best.checks) best = seat;
    return best === undefined || (best.checks >= worthAThread && this.#seats.size < this.#size) ? this.#open() : best;
  }

  #open(): Seat {
    const seat: Seat = { worker: new Worker(workerFile, { name: 'verifier' }), owed: new Map(), checks: 0 };
    this.#seats.add(seat);
    seat.worker.unref();
    seat.worker.on('message', ({ id, valid }: VerifierAnswer) => {
      seat.owed.get(id)?.resolve(valid);
      seat.owed.delete(id);
      if (seat.owed.size === 0) seat.worker.unref();
    });
    seat.worker.on('error', (error) => this.#drop(seat, error));
    seat.worker.on('exit', () => this.#drop(seat, new Error('a thread that verifies signatures ended')));
    return seat;
  }

  #drop(seat: Seat, error: unknown): void {
    this.#seats.delete(seat);
    const failure = new Error('signatures could not be verified', { cause: error });
    for (const { reject } of seat.owed.values()) reject(failure);
    seat.owed.clear();
  }
}
