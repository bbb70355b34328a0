import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { CliContext } from '#cli/context.ts';
import { UsageError } from '#cli/usage-error.ts';
import { messageOf } from '#lib/errors.ts';

/** Read a file, or stdin for `-`. @throws UsageError */
export async function readInput(path: string, option = '--in'): Promise<Uint8Array> {
  try {
    return path === '-' ? await buffer(process.stdin) : await readFile(path);
  } catch (error) {
    throw new UsageError(`${option}: ${path} cannot be read: ${messageOf(error)}`, error);
  }
}

/** Write to a file, or to stdout without one. @throws UsageError */
export async function writeOutput(
  path: string | undefined,
  content: string | Uint8Array,
  { stdout }: CliContext,
): Promise<void> {
  if (path === undefined) {
    if (!stdout.write(content)) await once(stdout, 'drain');
    return;
  }
  await writeNewFile(path, content, 0o666);
}

/** Write a secret to a new file that only its owner can read. @throws UsageError when there is one already */
export async function writeSecret(path: string, secret: Uint8Array): Promise<void> {
  await writeNewFile(path, secret, 0o600, 'wx');
}

async function writeNewFile(path: string, content: string | Uint8Array, mode: number, flags = 'w'): Promise<void> {
  try {
    await using file = await open(path, flags, mode);
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    throw new UsageError(`--out: ${path} cannot be written: ${messageOf(error)}`, error);
  }
}
