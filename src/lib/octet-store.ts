import { Buffer } from 'node:buffer';
import type { Octets } from '#lib/octets.ts';

const blockOctets = 1 << 20;
/** Where a value is: its block, the offset in it, its length. */
const fields = 3;

/** A store in a form that another thread can be handed. */
export interface OctetStoreParts {
  readonly blocks: readonly Uint8Array<ArrayBuffer>[];
  readonly places: Uint32Array<ArrayBuffer>;
  readonly length: number;
  /** What is handed over, and not copied. */
  readonly buffers: readonly ArrayBuffer[];
}

/**
 * Keeps values by the million as octets in large blocks: they take no more memory than their octets and 12 more, and the
 * garbage collector has nothing to walk. Values are only added, and found by their number.
 */
export class OctetStore {
  readonly #blocks: Buffer<ArrayBuffer>[] = [];
  #used = blockOctets;
  #places = new Uint32Array(fields * 1024);
  #length = 0;

  /** How many values there are. */
  get length(): number {
    return this.#length;
  }

  /** Keep a value. @returns its number, from 0 */
  add(value: Octets): number {
    if (this.#used + value.length > (this.#blocks.at(-1)?.length ?? 0)) {
      this.#blocks.push(Buffer.allocUnsafeSlow(Math.max(blockOctets, value.length)));
      this.#used = 0;
    }
    if ((this.#length + 1) * fields > this.#places.length) {
      const larger = new Uint32Array(Math.max(fields * 1024, this.#places.length * 2));
      larger.set(this.#places);
      this.#places = larger;
    }
    const block = this.#blocks.length - 1;
    const at = this.#length * fields;
    this.#places[at] = block;
    this.#places[at + 1] = this.#used;
    this.#places[at + 2] = value.length;
    this.#blocks[block]?.write(value, this.#used, value.length, 'latin1');
    this.#used += value.length;
    return this.#length++;
  }

  /** Return what the store is made of, to be handed to another thread; this one is empty then. */
  toParts(): OctetStoreParts {
    const parts = { blocks: this.#blocks.splice(0), places: this.#places, length: this.#length };
    this.#places = new Uint32Array(0);
    this.#length = 0;
    return { ...parts, buffers: [...parts.blocks.map(({ buffer }) => buffer), parts.places.buffer] };
  }

  /** Make a store of its parts. */
  static fromParts({ blocks, places, length }: OctetStoreParts): OctetStore {
    const store = new OctetStore();
    for (const block of blocks) store.#blocks.push(Buffer.from(block.buffer));
    store.#used = store.#blocks.at(-1)?.length ?? 0;
    store.#places = places;
    store.#length = length;
    return store;
  }

  /** Return a copy of a value. @throws RangeError when there is none of this number */
  get(index: number): Octets {
    const at = index * fields;
    const block = this.#blocks[this.#places[at] as number];
    if (index >= this.#length || block === undefined) throw new RangeError(`there is no value ${index}`);
    const start = this.#places[at + 1] as number;
    return block.toString('latin1', start, start + (this.#places[at + 2] as number)) as Octets;
  }
}
