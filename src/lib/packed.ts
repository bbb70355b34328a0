/** Byte runs end to end in one buffer, which is cheaper to copy, send and keep than many; `ends[i]` is the index after run i. */
export interface Packed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
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

/** Return how many octets some runs have together. */
export function totalLength(runs: readonly Uint8Array[]): number {
  let length = 0;
  for (const run of runs) length += run.length;
  return length;
}
