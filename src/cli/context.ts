import type { Writable } from 'node:stream';

/** What a command sees of the world; tests give their own. */
export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: Writable;
  /** A terminal where `isTTY` is true: then, and only then, progress is drawn on it. */
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

export const processContext: CliContext = {
  environment: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
};
