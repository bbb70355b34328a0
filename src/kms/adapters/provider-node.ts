import { availableParallelism } from 'node:os';
import { CryptoEngine } from '#kms/adapters/provider-node-engine.ts';
import { WorkerPool } from '#kms/adapters/provider-node-pool.ts';
import {
  errorOf,
  failureOf,
  joinAnswers,
  outcomesOf,
  packOutcomes,
  type BatchAnswer,
  type BatchJob,
  type BatchKind,
  type Task,
} from '#kms/adapters/provider-node-protocol.ts';
import { ShortCalls } from '#kms/adapters/provider-node-turn.ts';
import { Sealer } from '#kms/adapters/provider-node-sealer.ts';
import type { Kek } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import { chooseHash } from '#kms/core/hash-algorithms.ts';
import {
  assertOperation,
  keyTypeRow,
  type CryptoOperation,
  type HashAlgorithm,
  type KeyTypeRow,
} from '#kms/core/key-types.ts';
import { chooseSignature, type SignatureWish } from '#kms/core/signature-choice.ts';
import type {
  AuthenticatedInput,
  Ciphertext,
  CryptoProvider,
  HmacOptions,
  KeyVersionRef,
  NewMaterial,
  Outcome,
  PackedOutcomes,
  Plaintext,
  SignatureOptions,
  SignedInput,
  StoredKeyVersion,
  StoredWrappingKey,
} from '#kms/ports/crypto-provider.ts';
import { pack, type Packed, slicePacked, totalLength } from '#lib/packed.ts';
import { SecretBytes } from '#lib/secret-bytes.ts';

export interface NodeProviderOptions {
  /** All key-encryption keys, newest first, as `openKeks` gives them. */
  readonly keks: readonly Kek[];
  /** Worker threads; 0 works on the calling thread, for tests and tools. Default: one per core. */
  readonly workers?: number;
  /** Opened key versions that each worker keeps. Default 2048. */
  readonly cachedKeys?: number;
  /** Seconds of work that may wait before calls are refused with `overloaded`. Default 20. */
  readonly maxBacklog?: number;
}

/** Open the provider that does its cryptography with `node:crypto` on worker threads. */
export function openNodeProvider(options: NodeProviderOptions): CryptoProvider {
  return new NodeProvider(options);
}

const secondsToMicros = 1_000_000;
/** Octets that are hashed or enciphered in a microsecond, roughly. */
const octetsPerMicro = 400;
/** A call of at most so many microseconds is short: it is gathered with the others of its turn. */
const shortCall = 100;
/** What a call costs besides its items, in microseconds. */
const callCost = 5;

/** The byte runs of a batch, `width` for each item. */
interface Runs {
  readonly count: number;
  readonly octets: number;
  /** Copy those from `start` to `end`. */
  copy(start: number, end: number): Packed;
}

/** How the batch calls differ. */
interface Batch {
  readonly kind: BatchKind;
  readonly key: StoredKeyVersion;
  readonly to?: StoredKeyVersion;
  readonly wish?: SignatureWish;
  readonly width: 1 | 2;
  readonly runs: Runs;
  /** Microseconds of an item without its length. */
  readonly itemCost: number;
}

class NodeProvider implements CryptoProvider {
  readonly #engine: CryptoEngine;
  /** Absent where all is done on the calling thread. */
  readonly #threads: { readonly pool: WorkerPool; readonly shortCalls: ShortCalls } | undefined;
  readonly #sealer: Sealer;
  readonly #maxBacklog: number;
  #closed = false;

  constructor({ keks, workers = availableParallelism(), cachedKeys = 2048, maxBacklog = 20 }: NodeProviderOptions) {
    this.#engine = new CryptoEngine(keks, cachedKeys);
    this.#sealer = new Sealer(keks);
    this.#maxBacklog = maxBacklog * Math.max(1, workers) * secondsToMicros;
    if (workers === 0) return;
    const pool = new WorkerPool(workers, { keks: [...keks], cacheCapacity: cachedKeys });
    this.#threads = { pool, shortCalls: new ShortCalls(this.#engine, pool) };
  }

  async generate(ref: KeyVersionRef): Promise<NewMaterial> {
    return newMaterial(await this.#task({ kind: 'generate', ref }));
  }

  async import(
    ref: KeyVersionRef,
    blob: Uint8Array,
    wrappingKey: StoredWrappingKey,
    oaepHash: HashAlgorithm = 'sha2-256',
  ): Promise<NewMaterial> {
    if (!keyTypeRow(ref.keyType).importable) {
      throw new KmsError('wrong-operation', `keys of type ${ref.keyType} are made here and cannot be imported`);
    }
    const own = { region: wrappingKey.region, wrapped: Uint8Array.from(wrappingKey.wrapped) };
    return newMaterial(
      await this.#task({ kind: 'import', ref, blob: Uint8Array.from(blob), wrappingKey: own, oaepHash }),
    );
  }

  async export(key: StoredKeyVersion): Promise<SecretBytes> {
    const [material] = await this.#task({ kind: 'export', key: copyOf(key) });
    return new SecretBytes(present(material));
  }

  async sign(
    key: StoredKeyVersion,
    inputs: readonly Uint8Array[],
    options: SignatureOptions = {},
  ): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(key, 'sign');
    const wish = signatureWish(key, options);
    const itemCost = options.prehashed === true ? row.cost.digest : row.cost.secret;
    return this.#batch({ kind: 'sign', key, wish, width: 1, runs: runsOf(inputs), itemCost });
  }

  async signPacked(key: StoredKeyVersion, inputs: Packed, options: SignatureOptions = {}): Promise<PackedOutcomes> {
    const row = prepare(key, 'sign');
    const wish = signatureWish(key, options);
    const itemCost = options.prehashed === true ? row.cost.digest : row.cost.secret;
    return this.#packedBatch({ kind: 'sign', key, wish, width: 1, runs: packedRuns(inputs), itemCost });
  }

  async verify(
    key: StoredKeyVersion,
    items: readonly SignedInput[],
    options: SignatureOptions = {},
  ): Promise<readonly Outcome<boolean>[]> {
    const row = prepare(key, 'verify');
    const wish = signatureWish(key, options);
    const runs = runsOf(items.flatMap(({ input, signature }) => [input, signature]));
    const itemCost = options.prehashed === true ? row.cost.digest : row.cost.public;
    return flags(await this.#batch({ kind: 'verify', key, wish, width: 2, runs, itemCost }));
  }

  async encrypt(key: StoredKeyVersion, items: readonly Plaintext[]): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(key, 'encrypt');
    const runs = runsOf(items.flatMap(({ plaintext, associatedData = nothing }) => [plaintext, associatedData]));
    return this.#batch({ kind: 'encrypt', key, width: 2, runs, itemCost: row.cost.public });
  }

  async decrypt(key: StoredKeyVersion, items: readonly Ciphertext[]): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(key, 'decrypt');
    const runs = runsOf(items.flatMap(({ ciphertext, associatedData = nothing }) => [ciphertext, associatedData]));
    return this.#batch({ kind: 'decrypt', key, width: 2, runs, itemCost: row.cost.secret });
  }

  async rewrap(
    from: StoredKeyVersion,
    to: StoredKeyVersion,
    items: readonly Ciphertext[],
  ): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(from, 'decrypt');
    const itemCost = row.cost.secret + prepare(to, 'encrypt').cost.public;
    const runs = runsOf(items.flatMap(({ ciphertext, associatedData = nothing }) => [ciphertext, associatedData]));
    return this.#batch({ kind: 'rewrap', key: from, to, width: 2, runs, itemCost });
  }

  async hmac(
    key: StoredKeyVersion,
    inputs: readonly Uint8Array[],
    options: HmacOptions = {},
  ): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(key, 'hmac');
    const wish = { hash: chooseHash(row, options.hash) };
    return this.#batch({ kind: 'hmac', key, wish, width: 1, runs: runsOf(inputs), itemCost: row.cost.secret });
  }

  async verifyHmac(
    key: StoredKeyVersion,
    items: readonly AuthenticatedInput[],
    options: HmacOptions = {},
  ): Promise<readonly Outcome<boolean>[]> {
    const row = prepare(key, 'verify-hmac');
    const wish = { hash: chooseHash(row, options.hash) };
    const runs = runsOf(items.flatMap(({ input, hmac }) => [input, hmac]));
    return flags(await this.#batch({ kind: 'verify-hmac', key, wish, width: 2, runs, itemCost: row.cost.secret }));
  }

  async generateDataKey(
    key: StoredKeyVersion,
    bytes: 16 | 32,
    associatedData: Uint8Array = nothing,
  ): Promise<{ readonly plaintext: SecretBytes; readonly ciphertext: Uint8Array }> {
    const { ref } = key;
    if (keyTypeRow(ref.keyType).family !== 'aead') {
      throw new KmsError('wrong-operation', `a key of type ${ref.keyType} makes no data keys`);
    }
    const data = Uint8Array.from(associatedData);
    const answer = await this.#task({ kind: 'data-key', key: copyOf(key), bytes, associatedData: data });
    return { plaintext: new SecretBytes(present(answer[0])), ciphertext: present(answer[1]) };
  }

  async generateWrappingKey(region: string): Promise<Required<NewMaterial>> {
    const [wrapped, publicKey] = await this.#task({ kind: 'generate-wrapping-key', region });
    return { wrapped: present(wrapped), publicKey: present(publicKey) };
  }

  seal(purpose: string, data: Uint8Array): Uint8Array {
    return this.#sealer.seal(purpose, data);
  }

  isSealed(purpose: string, data: Uint8Array, seal: Uint8Array): boolean {
    return this.#sealer.isSealed(purpose, data, seal);
  }

  async forget(key: { readonly key: string; readonly version?: number }): Promise<void> {
    this.#engine.forget(key);
    await this.#threads?.pool.forget({ ...key });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#threads?.shortCalls.flush();
    await this.#threads?.pool.close();
    this.#engine.forgetAll();
  }

  #assertOpen(): void {
    if (this.#closed) throw new KmsError('closed', 'the service is shutting down');
  }

  async #task(task: Task): Promise<readonly Uint8Array[]> {
    this.#assertOpen();
    if (this.#threads !== undefined) return this.#threads.pool.task(task);
    try {
      return await this.#engine.runTask(task);
    } catch (error) {
      throw errorOf(failureOf(error));
    }
  }

  async #batch(batch: Batch): Promise<readonly Outcome<Uint8Array>[]> {
    this.#assertOpen();
    if (batch.runs.count === 0) return [];
    return this.#shortCall(batch) ?? (await this.#answers(batch)).flatMap(outcomesOf);
  }

  async #packedBatch(batch: Batch): Promise<PackedOutcomes> {
    this.#assertOpen();
    if (batch.runs.count === 0) return joinAnswers([]);
    const outcomes = this.#shortCall(batch);
    return outcomes === undefined ? joinAnswers(await this.#answers(batch)) : packOutcomes(await outcomes);
  }

  /** Have a batch done with the others of its turn when it is short. @returns undefined when it is not */
  #shortCall(batch: Batch): Promise<readonly Outcome<Uint8Array>[]> | undefined {
    if (this.#threads === undefined || costOf(batch) > shortCall) return undefined;
    this.#assertRoom(this.#threads.pool);
    return this.#threads.shortCalls.run(jobOf(batch, 0, batch.runs.count));
  }

  async #answers(batch: Batch): Promise<readonly BatchAnswer[]> {
    const { count } = batch.runs;
    if (this.#threads === undefined) return [this.#runHere(jobOf(batch, 0, count))];
    const { pool } = this.#threads;
    this.#assertRoom(pool);
    const total = costOf(batch);
    const items = count / batch.width;
    const pieces = Math.max(1, Math.round(total / pool.pieceCost(total)));
    const piece = Math.ceil(items / pieces) * batch.width;
    const jobs: BatchJob[] = [];
    for (let start = 0; start < count; start += piece) jobs.push(jobOf(batch, start, Math.min(count, start + piece)));
    return pool.run(jobs);
  }

  #assertRoom({ backlog }: WorkerPool): void {
    if (backlog <= this.#maxBacklog) return;
    throw new KmsError('overloaded', 'too much cryptographic work is waiting: try again in a moment');
  }

  #runHere(job: BatchJob): BatchAnswer {
    try {
      return this.#engine.runBatch(job);
    } catch (error) {
      throw errorOf(failureOf(error));
    }
  }
}

const nothing = new Uint8Array(0);

function prepare(key: StoredKeyVersion, operation: CryptoOperation): KeyTypeRow {
  assertOperation(key.ref.keyType, operation);
  return keyTypeRow(key.ref.keyType);
}

/** Refuse a wish that does not fit here already, before anything is queued. */
function signatureWish(key: StoredKeyVersion, wish: SignatureWish): SignatureWish {
  chooseSignature(keyTypeRow(key.ref.keyType), wish);
  return { ...wish };
}

/** The blob is often a view of a bigger buffer, all of which would be sent to the worker. */
function copyOf<Key extends { readonly wrapped: Uint8Array }>(key: Key): Key {
  return { ...key, wrapped: Uint8Array.from(key.wrapped) };
}

function runsOf(runs: readonly Uint8Array[]): Runs {
  return { count: runs.length, octets: totalLength(runs), copy: (start, end) => pack(runs.slice(start, end)) };
}

function packedRuns(packed: Packed): Runs {
  const { ends, bytes } = packed;
  return { count: ends.length, octets: bytes.length, copy: (start, end) => slicePacked(packed, start, end) };
}

/** Rough microseconds that the items of a batch take. */
function costOf({ runs, width, itemCost }: Batch): number {
  return (runs.count / width) * itemCost + runs.octets / octetsPerMicro;
}

function jobOf({ kind, key, to, wish = {}, width, runs, itemCost }: Batch, start: number, end: number): BatchJob {
  const items = runs.copy(start, end);
  const cost = callCost + (items.ends.length / width) * itemCost + items.bytes.length / octetsPerMicro;
  return { kind, key: copyOf(key), to: to === undefined ? undefined : copyOf(to), wish, width, items, cost };
}

function newMaterial([wrapped, publicKey]: readonly Uint8Array[]): NewMaterial {
  return publicKey === undefined ? { wrapped: present(wrapped) } : { wrapped: present(wrapped), publicKey };
}

function flags(outcomes: readonly Outcome<Uint8Array>[]): Outcome<boolean>[] {
  return outcomes.map((outcome) => (outcome instanceof KmsError ? outcome : outcome[0] === 1));
}

function present(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new KmsError('internal', 'the cryptography gave no answer');
  return bytes;
}
