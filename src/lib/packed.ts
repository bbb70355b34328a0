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

/** Put packed runs one behind the other into one. */
export function joinPacked(parts: readonly Packed[]): Packed {
  const bytes = new Uint8Array(totalLength(parts.map((part) => part.bytes)));
  const ends = new Uint32Array(parts.reduce((sum, part) => sum + part.ends.length, 0));
  let octets = 0;
  let runs = 0;
  for (const part of parts) {
    bytes.set(part.bytes, octets);
    for (const end of part.ends) ends[runs++] = octets + end;
    octets += part.bytes.length;
  }
  return { bytes, ends };
}
