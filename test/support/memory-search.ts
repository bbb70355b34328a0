import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const chunk = Buffer.alloc(1 << 20);
const overlap = 256;

/** Count how often each needle, of at most 256 octets, is in the memory of another process that we may trace. */
export function countInMemory<Name extends string>(
  pid: number,
  needles: Readonly<Record<Name, Uint8Array>>,
): Record<Name, number> {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const found = Object.fromEntries(Object.keys(needles).map((name) => [name, 0])) as Record<Name, number>;
  for (const [start, end] of mappingsOf(pid)) {
    for (let at = start; at < end;) {
      const octets = readMemory(memory, at, Math.min(chunk.length, end - at));
      if (octets === 0) break;
      const isLast = at + octets >= end || octets <= overlap;
      const step = isLast ? octets : octets - overlap;
      for (const name in needles) found[name] += countIn(chunk.subarray(0, octets), needles[name], step);
      at += step;
    }
  }
  closeSync(memory);
  return found;
}

/** Readable ranges of addresses, without those that the kernel makes up. */
function mappingsOf(pid: number): (readonly [start: number, end: number])[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .map((line) => /^([0-9a-f]+)-([0-9a-f]+) r(?!.*\[v)/.exec(line))
    .filter((range) => range !== null)
    .map(([, start = '', end = '']) => [Number.parseInt(start, 16), Number.parseInt(end, 16)] as const);
}

/** Pages that nothing stands behind, such as those beyond the end of a mapped file, cannot be read. */
function readMemory(memory: number, at: number, octets: number): number {
  try {
    return readSync(memory, chunk, 0, octets, at);
  } catch {
    return 0;
  }
}

function countIn(octets: Buffer, needle: Uint8Array, end: number): number {
  let count = 0;
  for (let at = octets.indexOf(needle); at >= 0 && at < end; at = octets.indexOf(needle, at + 1)) count++;
  return count;
}
