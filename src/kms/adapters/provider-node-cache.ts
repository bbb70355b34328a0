import { Buffer } from 'node:buffer';
import type { KeyMaterial } from '#kms/core/key-material.ts';
import type { StoredKeyVersion } from '#kms/ports/crypto-provider.ts';

interface Entry {
  readonly key: string;
  readonly version: number;
  readonly material: KeyMaterial;
}

/**
 * Keeps the opened material that was used last. An entry is found by its whole name and by the end of its wrapped blob,
 * which is the tag, so that material never answers for a blob that was not opened under this name.
 */
export class MaterialCache {
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Return the material, opening it when it is not held. */
  get(stored: StoredKeyVersion, open: () => KeyMaterial): KeyMaterial {
    const name = nameOf(stored);
    const held = this.#entries.get(name);
    if (held !== undefined) {
      this.#entries.delete(name);
      this.#entries.set(name, held);
      return held.material;
    }
    const { key, version } = stored.ref;
    const entry = { key, version, material: open() };
    this.#entries.set(name, entry);
    if (this.#entries.size > this.#capacity) {
      const oldest = this.#entries.keys().next();
      if (oldest.done !== true) this.#entries.delete(oldest.value);
    }
    return entry.material;
  }

  /** Drop one version of a key, or all. */
  forget(key: string, version: number | undefined): void {
    for (const [name, entry] of this.#entries) {
      if (entry.key === key && (version === undefined || entry.version === version)) this.#entries.delete(name);
    }
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
