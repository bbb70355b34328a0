import { inspect } from 'node:util';

/**
 * Key material on its way through the process. It prints as `[secret]`, refuses to become JSON or a string, and is
 * overwritten by `wipe`; whoever makes one wipes it, best with `using`.
 */
export class SecretBytes implements Disposable {
  #bytes: Uint8Array | undefined;

  /** Take ownership of `bytes`: they are overwritten by `wipe`. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, not a copy. @throws Error after `wipe`. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) throw new Error('secret bytes were used after they were wiped');
    return this.#bytes;
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Overwrite the bytes with zeros and let go of them. Safe to call twice. */
  wipe(): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }

  [Symbol.dispose](): void {
    this.wipe();
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
