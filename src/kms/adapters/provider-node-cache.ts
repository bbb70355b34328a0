import { Buffer } from 'node:buffer';
import type { Ed25519Key } from '#kms/adapters/provider-node-ed25519.ts';
import type { KeyMaterial } from '#kms/core/key-material.ts';
import type { StoredKeyVersion } from '#kms/ports/crypto-provider.ts';

/** Material that is ready for use, with what signs faster than Node does. */
export interface OpenedKey {
  readonly material: KeyMaterial;
  readonly ed25519?: Ed25519Key | undefined;
}

interface Entry {
  readonly key: string;
  readonly version: number;
  readonly opened: OpenedKey;
}

/**
 * Keeps the opened keys that were used last, and wipes what is not left to OpenSSL of those that it drops. An entry is found
 * by its whole name and by the end of its wrapped blob, which is the tag, so that a key never answers for a blob that was not
 * opened under this name.
 */
export class MaterialCache {
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Return the key, opening it when it is not held. It is not kept by the caller: the next call may wipe it. */
  get(stored: StoredKeyVersion, open: () => OpenedKey): OpenedKey {
    const name = nameOf(stored);
    const held = this.#entries.get(name);
    if (held !== undefined) {
      this.#entries.delete(name);
      this.#entries.set(name, held);
      return held.opened;
    }
    const { key, version } = stored.ref;
    const entry = { key, version, opened: open() };
    this.#entries.set(name, entry);
    if (this.#entries.size > this.#capacity) {
      const oldest = this.#entries.keys().next();
      if (oldest.done !== true) this.#drop(oldest.value);
    }
    return entry.opened;
  }

  /** Drop one version of a key, or all. */
  forget(key: string, version: number | undefined): void {
    for (const [name, entry] of this.#entries) {
      if (entry.key === key && (version === undefined || entry.version === version)) this.#drop(name);
    }
  }

  /** Drop everything. */
  clear(): void {
    for (const name of this.#entries.keys()) this.#drop(name);
  }

  #drop(name: string): void {
    this.#entries.get(name)?.opened.ed25519?.wipe();
    this.#entries.delete(name);
  }
}

function nameOf({ ref, wrapped }: StoredKeyVersion): string {
  const tag = Buffer.from(wrapped.buffer, wrapped.byteOffset, wrapped.byteLength).toString(
    'latin1',
    wrapped.length - 16,
  );
  const { organisation, region, project, key, version, keyType } = ref;
  return JSON.stringify([organisation, region, project ?? null, key, version, keyType, tag]);
}
