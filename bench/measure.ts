import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** What one run of a program took. */
export interface Measured {
  /** Wall-clock time. */
  readonly seconds: number;
  /** Processor time of all its threads: less at the mercy of what else the machine does. 0 where the system does not tell. */
  readonly cpuSeconds: number;
  /** Largest resident memory of the process, in MB (10⁶ octets); 0 where the system does not tell. */
  readonly megabytes: number;
}

/** Milliseconds between two looks at a process. The kernel keeps peak and sum, so little is missed at the end. */
const lookEvery = 20;

/**
 * Run a program to its end and measure it from outside.
 *
 * @throws Error with its output when it fails
 */
export async function measure(program: string, args: readonly string[], cwd: string): Promise<Measured> {
  const started = performance.now();
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors = (errors + text.toString()).slice(-2000)));
  let megabytes = 0;
  let used = 0;
  const look = setInterval(() => {
    megabytes = Math.max(megabytes, peakMemory(child.pid));
    used = Math.max(used, cpuSeconds(child.pid ?? 0));
  }, lookEvery);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(look);
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${errors}`);
  return { seconds, cpuSeconds: used, megabytes };
}

function peakMemory(pid: number | undefined): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return (Number(kilobytes ?? 0) * 1024) / 1e6;
  } catch {
    return 0; // it has ended, or this is no Linux
  }
}

/** Return the seconds of core time that a process has used, in all its threads; 0 where the system does not tell. */
export function cpuSeconds(pid: number): number {
  try {
    // utime and stime are the 14th and 15th field; the second one may hold spaces, and ends with the last parenthesis.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}

/** USER_HZ, which Linux has fixed for what it tells of processes. */
const ticksPerSecond = 100;

/** Return the middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
