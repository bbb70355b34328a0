import { availableParallelism } from 'node:os';
import { CryptoEngine } from '#kms/adapters/provider-node-engine.ts';
import { WorkerPool } from '#kms/adapters/provider-node-pool.ts';
import {
  errorOf,
  failureOf,
  outcomesOf,
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
  Plaintext,
  SignatureOptions,
  SignedInput,
  StoredKeyVersion,
  StoredWrappingKey,
} from '#kms/ports/crypto-provider.ts';
import { pack } from '#lib/packed.ts';
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

/** How the batch calls differ. */
interface Batch {
  readonly kind: BatchKind;
  readonly key: StoredKeyVersion;
  readonly to?: StoredKeyVersion;
  readonly wish?: SignatureWish;
  readonly width: 1 | 2;
  /** `width` runs for each item. */
  readonly runs: readonly Uint8Array[];
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
    return this.#batch({ kind: 'sign', key, wish, width: 1, runs: inputs, itemCost });
  }

  async verify(
    key: StoredKeyVersion,
    items: readonly SignedInput[],
    options: SignatureOptions = {},
  ): Promise<readonly Outcome<boolean>[]> {
    const row = prepare(key, 'verify');
    const wish = signatureWish(key, options);
    const runs = items.flatMap(({ input, signature }) => [input, signature]);
    const itemCost = options.prehashed === true ? row.cost.digest : row.cost.public;
    return flags(await this.#batch({ kind: 'verify', key, wish, width: 2, runs, itemCost }));
  }

  async encrypt(key: StoredKeyVersion, items: readonly Plaintext[]): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(key, 'encrypt');
    const runs = items.flatMap(({ plaintext, associatedData = nothing }) => [plaintext, associatedData]);
    return this.#batch({ kind: 'encrypt', key, width: 2, runs, itemCost: row.cost.public });
  }

  async decrypt(key: StoredKeyVersion, items: readonly Ciphertext[]): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(key, 'decrypt');
    const runs = items.flatMap(({ ciphertext, associatedData = nothing }) => [ciphertext, associatedData]);
    return this.#batch({ kind: 'decrypt', key, width: 2, runs, itemCost: row.cost.secret });
  }

  async rewrap(
    from: StoredKeyVersion,
    to: StoredKeyVersion,
    items: readonly Ciphertext[],
  ): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(from, 'decrypt');
    const itemCost = row.cost.secret + prepare(to, 'encrypt').cost.public;
    const runs = items.flatMap(({ ciphertext, associatedData = nothing }) => [ciphertext, associatedData]);
    return this.#batch({ kind: 'rewrap', key: from, to, width: 2, runs, itemCost });
  }

  async hmac(
    key: StoredKeyVersion,
    inputs: readonly Uint8Array[],
    options: HmacOptions = {},
  ): Promise<readonly Outcome<Uint8Array>[]> {
    const row = prepare(key, 'hmac');
    const wish = { hash: chooseHash(row, options.hash) };
    return this.#batch({ kind: 'hmac', key, wish, width: 1, runs: inputs, itemCost: row.cost.secret });
  }

  async verifyHmac(
    key: StoredKeyVersion,
    items: readonly AuthenticatedInput[],
    options: HmacOptions = {},
  ): Promise<readonly Outcome<boolean>[]> {
    const row = prepare(key, 'verify-hmac');
    const wish = { hash: chooseHash(row, options.hash) };
    const runs = items.flatMap(({ input, hmac }) => [input, hmac]);
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
    const count = batch.runs.length / batch.width;
    if (count === 0) return [];
    const itemCost = batch.itemCost + octetsOf(batch.runs) / octetsPerMicro / count;
    if (this.#threads === undefined) return this.#runHere(jobOf(batch, 0, batch.runs.length));
    const { pool, shortCalls } = this.#threads;
    if (pool.backlog > this.#maxBacklog) {
      throw new KmsError('overloaded', 'too much cryptographic work is waiting: try again in a moment');
    }
    const total = count * itemCost;
    if (total <= shortCall) return shortCalls.run(jobOf(batch, 0, batch.runs.length));
    const piece = Math.max(1, Math.floor(pool.pieceCost(total) / itemCost)) * batch.width;
    const jobs: BatchJob[] = [];
    for (let start = 0; start < batch.runs.length; start += piece) jobs.push(jobOf(batch, start, start + piece));
    return (await pool.run(jobs)).flatMap(outcomesOf);
  }

  #runHere(job: BatchJob): Outcome<Uint8Array>[] {
    try {
      return outcomesOf(this.#engine.runBatch(job));
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

function jobOf({ kind, key, to, wish = {}, width, runs, itemCost }: Batch, start: number, end: number): BatchJob {
  const items = pack(runs.slice(start, end));
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

function octetsOf(runs: readonly Uint8Array[]): number {
  let octets = 0;
  for (const run of runs) octets += run.length;
  return octets;
}
