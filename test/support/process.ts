import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { patience } from '#test/support/patience.ts';

export interface ProcessOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the process reads from standard input; without it there is none. */
  readonly input?: string | Uint8Array;
  /** Milliseconds after which `run` kills the process. Default `patience`. */
  readonly timeout?: number;
  readonly user?: { readonly uid: number; readonly gid: number };
}

export interface Ended {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunResult extends Ended {
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of ours. Whoever starts it stops it, best with `await using`; one that is left over fails the test file. */
export interface StartedProcess extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  stdout(): string;
  stderr(): string;
  /** Wait until its output matches. @throws Error with all output when it ends before, or after the time limit */
  waitFor(pattern: RegExp, milliseconds?: number): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Ask it to end, and kill it when it has not within the grace time. */
  stop(signal?: NodeJS.Signals, graceMilliseconds?: number): Promise<Ended>;
}

const running = new Map<number, ChildProcess>();

/** End what is still running and tell which those were; none is as it should be. */
export function endLeftovers(): string[] {
  const leftovers = [...running].map(([pid, child]) => `${pid} ${child.spawnargs.join(' ')}`);
  for (const child of running.values()) child.kill('SIGKILL');
  running.clear();
  return leftovers;
}

/** Start a program; its output is kept. */
export function start(program: string, args: readonly string[], options: ProcessOptions = {}): StartedProcess {
  const child = spawn(program, args, {
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: { ...process.env, ...options.env } }),
    ...options.user,
  });
  const { pid } = child;
  if (pid !== undefined) running.set(pid, child);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin?.on('error', () => undefined).end(options.input); // it may end without having read everything
  const ended = endOf(child);
  ended.catch(() => undefined);
  const started: StartedProcess = {
    pid: pid ?? -1,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    waitFor: (pattern, milliseconds = patience) => waitFor(started, pattern, milliseconds),
    signal: (signal) => void child.kill(signal),
    stop: (signal = 'SIGTERM', grace = patience) => stop(child, ended, signal, grace),
    [Symbol.asyncDispose]: async () => void (await started.stop()),
  };
  return started;
}

/** Run a program to its end. A failure is a result here, not an exception, save when it cannot be started at all. */
export async function run(program: string, args: readonly string[], options: ProcessOptions = {}): Promise<RunResult> {
  const started = start(program, args, options);
  const timer = setTimeout(() => started.signal('SIGKILL'), options.timeout ?? patience);
  try {
    const ended = await started.ended;
    return { ...ended, stdout: started.stdout(), stderr: started.stderr() };
  } finally {
    clearTimeout(timer);
  }
}

async function endOf(child: ChildProcess): Promise<Ended> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (child.pid !== undefined) running.delete(child.pid);
  return { code, signal };
}

async function stop(child: ChildProcess, ended: Promise<Ended>, signal: NodeJS.Signals, grace: number): Promise<Ended> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), grace);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}

async function waitFor(started: StartedProcess, pattern: RegExp, milliseconds: number): Promise<RegExpExecArray> {
  const deadline = performance.now() + milliseconds;
  let over: Ended | undefined;
  started.ended.then(
    (ended) => (over = ended),
    () => (over = { code: null, signal: null }), // it could not be started at all
  );
  for (;;) {
    const match = pattern.exec(started.stdout()) ?? pattern.exec(started.stderr());
    if (match !== null) return match;
    if (over !== undefined || performance.now() > deadline) {
      const why = over === undefined ? `was not seen within ${milliseconds} ms` : `never came: ${JSON.stringify(over)}`;
      throw new Error(`${pattern} ${why}\nstdout:\n${started.stdout()}\nstderr:\n${started.stderr()}`);
    }
    await sleep(10);
  }
}
