import type { Writable } from 'node:stream';
import { messageOf } from '#lib/errors.ts';

/** The output did not take all that was written: its reader went away, as `head` does, or its disk is full. */
export class OutputError extends Error {
  /** Whether the reader went away, of its own will. */
  readonly isReaderGone: boolean;

  constructor(cause: unknown) {
    super(`the output was not written to its end: ${messageOf(cause)}`, { cause });
    this.isReaderGone = cause instanceof Error && 'code' in cause && cause.code === 'EPIPE';
  }
}

/** Write a piece and wait until the stream can take the next one. @throws OutputError */
export async function writeOut(stream: Writable, piece: string | Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  stream.write(piece, (error) => {
    if (error === null || error === undefined) resolve();
    else reject(new OutputError(stream.errored ?? error));
  });
  await promise;
}

/**
 * Let the end of a stream end nothing by itself: a service goes on without whoever reads its stdout, and commands learn of
 * it from `writeOut`.
 */
export function outliveReader(stream: Writable): void {
  stream.on('error', () => undefined);
}
