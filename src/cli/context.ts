import type { Readable, Writable } from 'node:stream';

/** What a command sees of the world; tests give their own. */
export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** A terminal where `isTTY` is true: then, and only then, progress is drawn on it. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

export const processContext: CliContext = {
  environment: process.env,
  // Opened when it is read: a command that reads none must not wait for its end.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
};
