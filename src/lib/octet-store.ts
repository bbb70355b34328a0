import { Buffer } from 'node:buffer';
import { type Octets, writeOctets } from '#lib/octets.ts';

const blockOctets = 1 << 20;
/** Where a value is: its block, the offset in it, its length. */
const fields = 3;
/** Octets of values side by side that are read in one go: to read each alone takes longer than to make it. */
const windowOctets = 8192;

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
    writeOctets(this.#room(value.length), value, this.#used - value.length);
    return this.#length - 1;
  }

  /**
   * Keep a value that is written where it is kept.
   *
   * @param length its octets, all of which `write` has to write from `at` on
   * @returns its number, from 0
   */
  addWritten(length: number, write: (block: Uint8Array, at: number) => void): number {
    write(this.#room(length), this.#used - length);
    return this.#length - 1;
  }

  /** Note where the next value will be. @returns its block, in which it ends at `#used` */
  #room(length: number): Buffer<ArrayBuffer> {
    if (this.#used + length > (this.#blocks.at(-1)?.length ?? 0)) {
      this.#blocks.push(Buffer.allocUnsafeSlow(Math.max(blockOctets, length)));
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
    this.#places[at + 2] = length;
    this.#used += length;
    this.#length += 1;
    return this.#blocks[block] as Buffer<ArrayBuffer>;
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
    const block = this.#blockOf(index);
    const start = this.#startOf(index);
    return block.toString('latin1', start, start + this.lengthOf(index)) as Octets;
  }

  /**
   * Return what reads values one after the other in less time than `get`. What it returns keeps some kilobytes of the
   * values beside it alive.
   */
  reader(): (index: number) => Octets {
    let window = '';
    let windowBlock = -1;
    let windowStart = 0;
    return (index) => {
      const block = this.#blockOf(index);
      const number = this.#places[index * fields] as number;
      const start = this.#startOf(index);
      const length = this.lengthOf(index);
      if (number !== windowBlock || start < windowStart || start + length > windowStart + window.length) {
        const written = number === this.#blocks.length - 1 ? this.#used : block.length;
        const end = Math.max(start + length, Math.min(start + windowOctets, written));
        window = block.toString('latin1', start, end);
        windowBlock = number;
        windowStart = start;
      }
      return window.slice(start - windowStart, start - windowStart + length) as Octets;
    };
  }

  /** Return what is kept of a value, not to be changed: the block, and where in it the value begins. */
  placeOf(index: number): [block: Uint8Array, start: number] {
    return [this.#blockOf(index), this.#startOf(index)];
  }

  /** Return the octets that a value has. */
  lengthOf(index: number): number {
    return this.#places[index * fields + 2] as number;
  }

  /** Return four octets of a value as a number; what lies behind its end is 0. */
  wordAt(index: number, offset: number): number {
    const block = this.#blockOf(index);
    const at = this.#startOf(index) + offset;
    const rest = this.lengthOf(index) - offset;
    if (rest <= 0) return 0;
    const word =
      ((block[at] as number) << 24) |
      ((rest > 1 ? (block[at + 1] as number) : 0) << 16) |
      ((rest > 2 ? (block[at + 2] as number) : 0) << 8) |
      (rest > 3 ? (block[at + 3] as number) : 0);
    return word >>> 0;
  }

  /**
   * Return how many octets two values begin with that are the same.
   *
   * @param from as many are known to be the same
   * @param most that are looked at
   */
  commonLength(one: number, other: number, from = 0, most = Infinity): number {
    const [block, otherBlock] = [this.#blockOf(one), this.#blockOf(other)];
    const [start, otherStart] = [this.#startOf(one), this.#startOf(other)];
    const end = Math.min(most, this.lengthOf(one), this.lengthOf(other));
    let common = from;
    while (common < end && block[start + common] === otherBlock[otherStart + common]) common++;
    return Math.min(common, end);
  }

  /** Tell whether two values are the same octets. */
  areEqual(one: number, other: number): boolean {
    return this.lengthOf(one) === this.lengthOf(other) && this.compare(one, other) === 0;
  }

  /** Compare two values octet by octet. @returns a number below 0, 0, or above 0, as to sort them */
  compare(one: number, other: number): number {
    const common = this.commonLength(one, other);
    const [length, otherLength] = [this.lengthOf(one), this.lengthOf(other)];
    if (common === length || common === otherLength) return length - otherLength;
    const [block, otherBlock] = [this.#blockOf(one), this.#blockOf(other)];
    return (block[this.#startOf(one) + common] as number) - (otherBlock[this.#startOf(other) + common] as number);
  }

  /** Compare a value with octets that need not be here, as `compare` does. */
  compareTo(index: number, octets: Octets): number {
    const block = this.#blockOf(index);
    const start = this.#startOf(index);
    const end = Math.min(this.lengthOf(index), octets.length);
    for (let at = 0; at < end; at++) {
      const difference = (block[start + at] as number) - octets.charCodeAt(at);
      if (difference !== 0) return difference;
    }
    return this.lengthOf(index) - octets.length;
  }

  /** Return a store of some of the values, side by side in the order of their numbers here. */
  inOrder(numbers: Uint32Array): OctetStore {
    const store = new OctetStore();
    for (const number of numbers) {
      const source = this.#blockOf(number);
      const start = this.#startOf(number);
      const length = this.lengthOf(number);
      const target = store.#room(length);
      const at = store.#used - length;
      if (length > 200) source.copy(target, at, start, start + length);
      else for (let index = 0; index < length; index++) target[at + index] = source[start + index] as number;
    }
    return store;
  }

  #blockOf(index: number): Buffer<ArrayBuffer> {
    const block = this.#blocks[this.#places[index * fields] as number];
    if (index >= this.#length || block === undefined) throw new RangeError(`there is no value ${index}`);
    return block;
  }

  #startOf(index: number): number {
    return this.#places[index * fields + 1] as number;
  }
}
