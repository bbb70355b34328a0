import { type FileHandle, open, readFile, unlink } from 'node:fs/promises';
import type { CliContext } from '#cli/context.ts';
import { UsageError } from '#cli/usage-error.ts';
import { writeOut } from '#cli/write-out.ts';
import { joinBytes } from '#lib/bytes.ts';
import { messageOf } from '#lib/errors.ts';

/** Read a file, or stdin for `-`. The caller wipes the answer where it is a secret. @throws UsageError */
export async function readInput(path: string, context: CliContext, option = '--in'): Promise<Uint8Array> {
  try {
    return path === '-' ? await readStream(context.stdin) : await readFile(path);
  } catch (error) {
    throw new UsageError(`${option}: ${path} cannot be read: ${messageOf(error)}`, error);
  }
}

/** Chunks are wiped once they are joined: what comes in may be key material. */
async function readStream(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
    return joinBytes(...chunks);
  } finally {
    for (const chunk of chunks) chunk.fill(0);
  }
}

/** Refuse a command line that reads several things from stdin: the first would leave nothing to the others. @throws UsageError */
export function assertOneStdin(paths: readonly (string | undefined)[]): void {
  if (paths.filter((path) => path === '-').length > 1)
    throw new UsageError('stdin (-) can be read only once: give files for the others');
}

/**
 * Write to a file, or to stdout without one.
 *
 * @param mode of a file that is not there yet
 * @throws UsageError
 */
export async function writeOutput(
  path: string | undefined,
  content: string | Uint8Array,
  { stdout }: CliContext,
  mode = 0o666,
): Promise<void> {
  if (path === undefined) {
    await writeOut(stdout, content);
    return;
  }
  try {
    await using file = await open(path, 'w', mode);
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    throw notWritable(path, error);
  }
}

/**
 * Make a new file that only its owner can read, and let `produce` give the secret for it. The file is there before the
 * secret is asked for, so that none is given out that has no place; it is gone again when there was no secret.
 *
 * @param produce gives the secret, which is wiped here once it is on disk, and what else is known of it
 * @throws UsageError when the file is there already or cannot be made; what `produce` throws
 */
export async function writeSecret<Rest>(
  path: string,
  produce: () => Promise<{ readonly secret: Uint8Array; readonly rest: Rest }>,
): Promise<Rest> {
  if (path === '-') throw new UsageError('--out: key material is written to a new file only, never to stdout');
  await using file = await openNew(path);
  let isWritten = false;
  try {
    const { secret, rest } = await produce();
    try {
      await file.writeFile(secret);
      await file.sync();
    } finally {
      secret.fill(0);
    }
    isWritten = true;
    return rest;
  } finally {
    if (!isWritten) await unlink(path);
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    throw notWritable(path, error);
  }
}

function notWritable(path: string, error: unknown): UsageError {
  return new UsageError(`--out: ${path} cannot be written: ${messageOf(error)}`, error);
}
