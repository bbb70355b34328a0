import { Buffer } from 'node:buffer';
import { randomBytes, randomFillSync } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { localRootKey } from '#kms/adapters/root-key-local.ts';
import { kekBytes } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { RootKey } from '#kms/ports/root-key.ts';
import { makeDirectory } from '#lib/make-directory.ts';
import { SecretBytes } from '#lib/secret-bytes.ts';

export interface RootKeyFileOptions {
  /**
   * Whether no data exist yet, so that a missing file may be made. False wherever a key-encryption key is stored: a new
   * root key could open none of it, and would hide that the right one is lost.
   */
  readonly create: boolean;
}

/**
 * Open the root key in a file: 32 raw octets, readable by its owner alone.
 *
 * A crash while the file is made leaves either no file or the whole one: it is written and synced under another name
 * and then linked, which fails when another process was first.
 *
 * @throws KmsError root-key-missing, root-key-invalid
 */
export async function openRootKeyFile(path: string, options: RootKeyFileOptions): Promise<RootKey> {
  const secret = await read(path);
  if (secret !== undefined) return localRootKey(secret);
  if (!options.create) {
    throw new KmsError(
      'root-key-missing',
      `the root key file ${path} does not exist, but keys are stored under it: put it back from its backup`,
    );
  }
  await make(path);
  const made = await read(path);
  if (made === undefined)
    throw new KmsError('root-key-missing', `the root key file ${path} vanished while it was made`);
  return localRootKey(made);
}

async function read(path: string): Promise<SecretBytes | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (isErrno(cause, 'ENOENT')) return undefined;
    const why = isErrno(cause, 'ELOOP') ? 'it is a symbolic link' : 'it cannot be read';
    throw new KmsError('root-key-invalid', `the root key file ${path} is refused: ${why}`, { cause });
  }
  try {
    const { mode, size, uid } = await file.stat();
    if ((mode & 0o170_000) !== 0o100_000) throw refused(path, 'it is not a regular file');
    if ((mode & 0o077) !== 0) {
      throw refused(path, `others may read or write it (mode ${(mode & 0o777).toString(8)}): chmod 600 it`);
    }
    if (process.getuid !== undefined && uid !== process.getuid() && uid !== 0) {
      throw refused(path, 'it belongs to another user');
    }
    if (size !== kekBytes) throw refused(path, `it has ${size} octets, not ${kekBytes}`);
    return await readWhole(file, path);
  } finally {
    await file.close();
  }
}

async function readWhole(file: FileHandle, path: string): Promise<SecretBytes> {
  const bytes = new Uint8Array(kekBytes);
  let filled = 0;
  while (filled < kekBytes) {
    const { bytesRead } = await file.read(bytes, filled, kekBytes - filled, filled);
    if (bytesRead === 0) throw refused(path, `it ends after ${filled} octets`);
    filled += bytesRead;
  }
  return new SecretBytes(bytes);
}

async function make(path: string): Promise<void> {
  const directory = dirname(path);
  makeDirectory(directory, 0o700);
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  const file = await open(draft, 'wx', 0o600);
  using secret = new SecretBytes(randomFillSync(new Uint8Array(kekBytes)));
  try {
    await file.writeFile(Buffer.from(secret.bytes.buffer));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path);
  } catch (cause) {
    if (!isErrno(cause, 'EEXIST')) throw cause;
  } finally {
    await unlink(draft);
  }
  await syncDirectory(directory);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function refused(path: string, why: string): KmsError {
  return new KmsError('root-key-invalid', `the root key file ${path} is refused: ${why}`);
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
