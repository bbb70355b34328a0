/** Byte runs end to end in one buffer, which is cheaper to copy, send and keep than many; `ends[i]` is the index after run i. */
export interface Packed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
}

const firstOctets = 4096;
const firstRuns = 32;

/** Packs byte runs one after the other, each of which is written where it is to lie. It may be given secrets. */
export class Packer {
  #bytes: Uint8Array<ArrayBuffer>;
  #ends: Uint32Array<ArrayBuffer>;
  #octets = 0;
  #count = 0;

  /** Make room for so many octets and runs at first; there may be more. */
  constructor(octets = firstOctets, count = firstRuns) {
    this.#bytes = new Uint8Array(octets);
    this.#ends = new Uint32Array(count);
  }

  /** What is packed, with room behind it; another array after each `open`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Make room for the next run. @returns where it begins in `bytes` */
  open(octets: number): number {
    const start = this.#octets;
    this.#octets = start + octets;
    if (this.#octets > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#octets, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes.fill(0);
      this.#bytes = larger;
    }
    if (this.#count === this.#ends.length) {
      const longer = new Uint32Array(Math.max(1, this.#count * 2));
      longer.set(this.#ends);
      this.#ends = longer;
    }
    this.#ends[this.#count++] = this.#octets;
    return start;
  }

  /** Copy a run behind the others. */
  add(run: Uint8Array): void {
    const start = this.open(run.length); // first: it may change the array
    this.#bytes.set(run, start);
  }

  /** Hand over what was packed, in its own buffers with what room is left in them; the packer is empty then. */
  take(): Packed {
    const packed = { bytes: this.#bytes.subarray(0, this.#octets), ends: this.#ends.subarray(0, this.#count) };
    this.#bytes = new Uint8Array(0);
    this.#ends = new Uint32Array(0);
    this.#octets = 0;
    this.#count = 0;
    return packed;
  }

  /** Return a copy of what was packed. */
  packed(): Packed {
    return { bytes: this.#bytes.slice(0, this.#octets), ends: this.#ends.slice(0, this.#count) };
  }
}

/** Copy byte runs into one buffer of its own. */
export function pack(runs: readonly Uint8Array[]): Packed {
  const bytes = new Uint8Array(totalLength(runs));
  const ends = new Uint32Array(runs.length);
  let end = 0;
  for (let index = 0; index < runs.length; index++) {
    const run = runs[index] as Uint8Array;
    bytes.set(run, end);
    end += run.length;
    ends[index] = end;
  }
  return { bytes, ends };
}

/** Return run `index` as a view, not a copy. */
export function runOf({ bytes, ends }: Packed, index: number): Uint8Array<ArrayBuffer> {
  return bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
}

/** Return where run `index` begins. */
export function startOf({ ends }: Packed, index: number): number {
  return index === 0 ? 0 : (ends[index - 1] as number);
}

/** Copy the runs from `from` to `to` into a buffer of their own. */
export function slicePacked(packed: Packed, from: number, to: number): Packed {
  const first = startOf(packed, from);
  const ends = packed.ends.slice(from, to);
  for (let index = 0; index < ends.length; index++) ends[index] = (ends[index] as number) - first;
  const bytes = new Uint8Array(ends.at(-1) ?? 0); // the slice of a Buffer would be no copy
  bytes.set(packed.bytes.subarray(first, first + bytes.length));
  return { bytes, ends };
}

/** List the buffers of packed runs, to hand them over instead of copying them. */
export function buffersOf(packed: readonly Packed[]): ArrayBuffer[] {
  return packed.flatMap(({ bytes, ends }) => [bytes.buffer, ends.buffer]);
}

/**
 * Give the memory of packed runs back at once, after which they are empty. It lies outside of V8's heap, and V8 walks the
 * whole heap as often as much of it waits to be collected. Only for runs in buffers of their own that nobody else has.
 */
export function releasePacked(packed: readonly Packed[]): void {
  for (const { bytes, ends } of packed) {
    releaseBuffer(bytes);
    releaseBuffer(ends);
  }
}

/** Give the memory of an array back at once, in the same way and under the same conditions. */
export function releaseBuffer({ buffer }: { readonly buffer: ArrayBuffer }): void {
  buffer.transfer(0);
}

/** Return how many octets some runs have together. */
export function totalLength(runs: readonly Uint8Array[]): number {
  let length = 0;
  for (const run of runs) length += run.length;
  return length;
}

/** Put packed runs one behind the other into one. */
export function joinPacked(parts: readonly Packed[]): Packed {
  const bytes = new Uint8Array(totalLength(parts.map((part) => part.bytes)));
  const ends = new Uint32Array(parts.reduce((sum, part) => sum + part.ends.length, 0));
  let octets = 0;
  let runs = 0;
  for (const part of parts) {
    bytes.set(part.bytes, octets);
    for (let index = 0; index < part.ends.length; index++) ends[runs++] = octets + (part.ends[index] as number);
    octets += part.bytes.length;
  }
  return { bytes, ends };
}
