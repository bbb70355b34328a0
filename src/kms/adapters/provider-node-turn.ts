import { Buffer } from 'node:buffer';
import type { CryptoEngine } from '#kms/adapters/provider-node-engine.ts';
import type { WorkerPool } from '#kms/adapters/provider-node-pool.ts';
import { errorOf, failureOf, outcomesOf, type BatchJob } from '#kms/adapters/provider-node-protocol.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { Outcome, StoredKeyVersion } from '#kms/ports/crypto-provider.ts';
import { joinPacked } from '#lib/packed.ts';

/** Work of one turn of the event loop, in microseconds, that is done on the calling thread. */
const turnBudget = 100;

interface ShortCall {
  readonly job: BatchJob;
  /** Items, which the job does not tell any more when it has left for a worker. */
  readonly count: number;
  readonly resolve: (outcomes: readonly Outcome<Uint8Array>[]) => void;
  readonly reject: (error: KmsError) => void;
}

/**
 * Gathers the short calls of one turn of the event loop, and makes one job of those that ask for the same with the same
 * key: what many callers sign at a time costs a message for all of them. Little is done at once on the calling thread,
 * since to wake a worker takes it longer; the rest goes to the workers.
 */
export class ShortCalls {
  readonly #engine: CryptoEngine;
  readonly #pool: WorkerPool;
  #calls: ShortCall[] = [];

  constructor(engine: CryptoEngine, pool: WorkerPool) {
    this.#engine = engine;
    this.#pool = pool;
  }

  run(job: BatchJob): Promise<readonly Outcome<Uint8Array>[]> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ job, count: job.items.ends.length / job.width, resolve, reject });
      if (this.#calls.length === 1) setImmediate(() => this.flush());
    });
  }

  /** Do what was gathered. */
  flush(): void {
    const calls = this.#calls;
    this.#calls = [];
    const isLittle = costOf(calls) <= turnBudget;
    for (const alike of groupAlike(calls)) {
      if (isLittle) this.#runHere(alike);
      else for (const piece of split(alike, this.#pool.pieceCost(costOf(alike)))) this.#sendToWorker(piece);
    }
  }

  #runHere(calls: readonly ShortCall[]): void {
    try {
      settle(calls, outcomesOf(this.#engine.runBatch(joined(calls))));
    } catch (error) {
      refuse(calls, errorOf(failureOf(error)));
    }
  }

  #sendToWorker(calls: readonly ShortCall[]): void {
    this.#pool.run([joined(calls)]).then(
      (answers) => settle(calls, answers.flatMap(outcomesOf)),
      (error: KmsError) => refuse(calls, error),
    );
  }
}

function costOf(calls: readonly ShortCall[]): number {
  return calls.reduce((sum, { job }) => sum + job.cost, 0);
}

/** Put the calls together that one job can do. */
function groupAlike(calls: readonly ShortCall[]): readonly ShortCall[][] {
  const groups = new Map<string, ShortCall[][]>();
  for (const call of calls) {
    const { key } = call.job.key.ref;
    const ofKey = groups.get(key);
    const group = ofKey?.find(([first]) => first !== undefined && isAlike(first.job, call.job));
    if (group !== undefined) group.push(call);
    else if (ofKey !== undefined) ofKey.push([call]);
    else groups.set(key, [[call]]);
  }
  return [...groups.values()].flat();
}

function isAlike(one: BatchJob, other: BatchJob): boolean {
  return (
    one.kind === other.kind &&
    one.width === other.width &&
    isSameKey(one.key, other.key) &&
    (one.to === undefined || other.to === undefined ? one.to === other.to : isSameKey(one.to, other.to)) &&
    one.wish.hash === other.wish.hash &&
    one.wish.prehashed === other.wish.prehashed &&
    one.wish.signatureAlgorithm === other.wish.signatureAlgorithm &&
    one.wish.marshalingAlgorithm === other.wish.marshalingAlgorithm
  );
}

/** Whether material and everything that it is bound to are the same. */
function isSameKey({ ref: one, wrapped }: StoredKeyVersion, { ref: other, wrapped: otherWrapped }: StoredKeyVersion) {
  return (
    one.key === other.key &&
    one.version === other.version &&
    one.keyType === other.keyType &&
    one.organisation === other.organisation &&
    one.region === other.region &&
    one.project === other.project &&
    Buffer.compare(wrapped, otherWrapped) === 0
  );
}

/** Split calls into pieces of at least so many microseconds, so that every worker has some. */
function split(calls: readonly ShortCall[], least: number): readonly ShortCall[][] {
  const pieces: ShortCall[][] = [];
  let cost = Infinity;
  for (const call of calls) {
    if (cost >= least) {
      pieces.push([]);
      cost = 0;
    }
    pieces.at(-1)?.push(call);
    cost += call.job.cost;
  }
  return pieces;
}

/** Make one job of calls that are alike. */
function joined(calls: readonly ShortCall[]): BatchJob {
  const [first] = calls;
  if (first === undefined) throw new KmsError('internal', 'there is nothing to make a job of');
  if (calls.length === 1) return first.job;
  const items = joinPacked(calls.map(({ job }) => job.items));
  for (const { job } of calls) job.items.bytes.fill(0); // may be plaintexts, of which the joined ones are wiped in time
  return { ...first.job, items, cost: costOf(calls) };
}

/** Give each call the outcomes of its own items. */
function settle(calls: readonly ShortCall[], outcomes: readonly Outcome<Uint8Array>[]): void {
  let start = 0;
  for (const { count, resolve } of calls) {
    const end = start + count;
    resolve(outcomes.slice(start, end));
    start = end;
  }
}

function refuse(calls: readonly ShortCall[], error: KmsError): void {
  for (const { reject } of calls) reject(error);
}
