import { Buffer } from 'node:buffer';
import { createPrivateKey, randomBytes, type KeyObject } from 'node:crypto';
import { MaterialCache, type OpenedKey } from '#kms/adapters/provider-node-cache.ts';
import { Ed25519Opener } from '#kms/adapters/provider-node-ed25519.ts';
import { generateMaterial, generateRsaPair } from '#kms/adapters/provider-node-generate.ts';
import { makeItemWork } from '#kms/adapters/provider-node-items.ts';
import {
  type BatchAnswer,
  type BatchJob,
  type Fault,
  type ForgetTarget,
  type Task,
} from '#kms/adapters/provider-node-protocol.ts';
import { makeCipher } from '#kms/adapters/provider-node-cipher.ts';
import {
  composeMaterialContext,
  composeWrappingKeyContext,
  kekIdOf,
  openMaterial,
  sealMaterial,
  type Kek,
} from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import {
  checkImport,
  encodeMaterial,
  encodePublicKey,
  loadMaterial,
  type KeyMaterial,
} from '#kms/core/key-material.ts';
import { type KeyTypeRow, keyTypeRow } from '#kms/core/key-types.ts';
import { unwrapTarget, wrappingModulusBits } from '#kms/core/wrapping.ts';
import type { StoredKeyVersion, StoredWrappingKey } from '#kms/ports/crypto-provider.ts';
import { findLibsodium } from '#lib/libsodium.ts';
import { Packer, runOf } from '#lib/packed.ts';

/** Does the cryptography of one thread: it alone opens material, and keeps what it opened. */
export class CryptoEngine {
  readonly #keks: readonly [Kek, ...Kek[]];
  readonly #cache: MaterialCache;
  /** Made for the first Ed25519 key, where libsodium loads. */
  #ed25519: Ed25519Opener | undefined;

  /** @param keks - newest first. */
  constructor(keks: readonly Kek[], cacheCapacity: number) {
    const [newest, ...older] = keks;
    if (newest === undefined) throw new KmsError('internal', 'the provider was given no key-encryption key');
    this.#keks = [newest, ...older];
    this.#cache = new MaterialCache(cacheCapacity);
  }

  /** Do a part of a batch. @throws KmsError when the whole of it cannot be done. */
  runBatch(job: BatchJob): BatchAnswer {
    const work = makeItemWork(job, (key) => this.#open(key));
    const count = job.items.ends.length / job.width;
    const results = new Packer(roomFor(job, count), count);
    const faults: Fault[] = [];
    for (let index = 0; index < count; index++) {
      const first = runOf(job.items, index * job.width);
      const second = job.width === 2 ? runOf(job.items, index * job.width + 1) : nothing;
      const fault = work.run(first, second, results);
      if (fault === undefined) continue;
      faults.push([index, fault.code, fault.message]);
      results.open(0);
    }
    if (work.wipesItems) job.items.bytes.fill(0);
    return { results: results.take(), faults };
  }

  /** Do work on a single key. */
  async runTask(task: Task): Promise<readonly Uint8Array[]> {
    switch (task.kind) {
      case 'generate':
        return this.#wrap(task.ref, await generateMaterial(keyTypeRow(task.ref.keyType)));
      case 'generate-wrapping-key':
        return this.#generateWrappingKey(task.region);
      case 'import':
        return this.#import(task);
      case 'export':
        // Opened afresh and not from the cache: a blob that was changed meanwhile is found out.
        return [this.#unseal(task.key.wrapped, composeMaterialContext(task.key.ref))];
      default:
        return this.#makeDataKey(task);
    }
  }

  forget({ key, version }: ForgetTarget): void {
    this.#cache.forget(key, version);
  }

  /** Wipe what was opened. */
  forgetAll(): void {
    this.#cache.clear();
  }

  #open(stored: StoredKeyVersion): OpenedKey {
    return this.#cache.get(stored, () => {
      const bytes = this.#unseal(stored.wrapped, composeMaterialContext(stored.ref));
      try {
        return this.#load(keyTypeRow(stored.ref.keyType), bytes);
      } finally {
        bytes.fill(0);
      }
    });
  }

  #load(row: KeyTypeRow, bytes: Uint8Array): OpenedKey {
    const material = loadMaterial(row, bytes);
    if (row.family !== 'ed25519' || material.kind !== 'pair') return { material };
    const libsodium = findLibsodium();
    if (libsodium === undefined) return { material };
    this.#ed25519 ??= new Ed25519Opener(libsodium);
    return { material, ed25519: this.#ed25519.open(material, bytes) };
  }

  #unseal(wrapped: Uint8Array, context: Uint8Array): Uint8Array {
    const id = kekIdOf(wrapped);
    const kek = this.#keks.find((candidate) => candidate.id === id);
    if (kek === undefined) throw new KmsError('material-damaged', `the key-encryption key ${id} is not known`);
    return openMaterial(kek, wrapped, context);
  }

  #seal(bytes: Uint8Array, context: Uint8Array): Uint8Array {
    try {
      return sealMaterial(this.#keks[0], bytes, context);
    } finally {
      bytes.fill(0);
    }
  }

  #wrap(ref: StoredKeyVersion['ref'], material: KeyMaterial): readonly Uint8Array[] {
    const wrapped = this.#seal(encodeMaterial(material), composeMaterialContext(ref));
    const publicKey = encodePublicKey(material);
    return publicKey === undefined ? [wrapped] : [wrapped, publicKey];
  }

  async #generateWrappingKey(region: string): Promise<readonly Uint8Array[]> {
    const { privateKey, publicKey } = await generateRsaPair(wrappingModulusBits);
    const bytes = privateKey.export({ format: 'der', type: 'pkcs8' });
    return [this.#seal(bytes, composeWrappingKeyContext(region)), publicKey.export({ format: 'der', type: 'spki' })];
  }

  #import({ ref, blob, wrappingKey, oaepHash }: Extract<Task, { kind: 'import' }>): readonly Uint8Array[] {
    const target = unwrapTarget(this.#openWrappingKey(wrappingKey), blob, oaepHash);
    try {
      return this.#wrap(ref, checkImport(keyTypeRow(ref.keyType), target));
    } finally {
      target.fill(0);
    }
  }

  #openWrappingKey({ region, wrapped }: StoredWrappingKey): KeyObject {
    const bytes = this.#unseal(wrapped, composeWrappingKeyContext(region));
    try {
      return createPrivateKey({
        key: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
        format: 'der',
        type: 'pkcs8',
      });
    } finally {
      bytes.fill(0);
    }
  }

  #makeDataKey({ key, bytes, associatedData }: Extract<Task, { kind: 'data-key' }>): readonly Uint8Array[] {
    const plaintext = randomBytes(bytes);
    const ciphertext = makeCipher(keyTypeRow(key.ref.keyType), this.#open(key).material).encrypt(
      plaintext,
      associatedData,
    );
    if (ciphertext instanceof KmsError) throw ciphertext;
    return [plaintext, ciphertext];
  }
}

/** Octets that the results of most jobs take at most; where they take more, room is made. */
function roomFor({ kind, items }: BatchJob, count: number): number {
  if (kind === 'verify' || kind === 'verify-hmac') return count;
  if (kind === 'sign' || kind === 'hmac') return 64 * count;
  return items.bytes.length + 32 * count;
}

const nothing = new Uint8Array(0);
