import type { CryptoEngine } from '#kms/adapters/provider-node-engine.ts';
import type { WorkerPool } from '#kms/adapters/provider-node-pool.ts';
import { errorOf, failureOf, type BatchAnswer, type BatchJob } from '#kms/adapters/provider-node-protocol.ts';
import { KmsError } from '#kms/core/errors.ts';

/** Work of one turn of the event loop, in microseconds, that is done on the calling thread. */
const turnBudget = 100;

interface ShortCall {
  readonly job: BatchJob;
  readonly resolve: (answer: BatchAnswer) => void;
  readonly reject: (error: KmsError) => void;
}

/**
 * Gathers the short calls of one turn of the event loop. A few are done at once on the calling thread: to wake a worker
 * takes it longer than to sign. Many go to the workers together, so that one message carries them all.
 */
export class ShortCalls {
  readonly #engine: CryptoEngine;
  readonly #pool: WorkerPool;
  #calls: ShortCall[] = [];

  constructor(engine: CryptoEngine, pool: WorkerPool) {
    this.#engine = engine;
    this.#pool = pool;
  }

  run(job: BatchJob): Promise<BatchAnswer> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ job, resolve, reject });
      if (this.#calls.length === 1) setImmediate(() => this.flush());
    });
  }

  /** Do what was gathered. */
  flush(): void {
    const calls = this.#calls;
    this.#calls = [];
    const cost = calls.reduce((sum, { job }) => sum + job.cost, 0);
    for (const call of calls) {
      if (cost <= turnBudget) this.#runHere(call);
      else this.#pool.run([call.job]).then(([answer]) => settle(call, answer), call.reject);
    }
  }

  #runHere({ job, resolve, reject }: ShortCall): void {
    try {
      resolve(this.#engine.runBatch(job));
    } catch (error) {
      reject(errorOf(failureOf(error)));
    }
  }
}

function settle({ resolve, reject }: ShortCall, answer: BatchAnswer | undefined): void {
  if (answer === undefined) reject(new KmsError('internal', 'the cryptography gave no answer'));
  else resolve(answer);
}
