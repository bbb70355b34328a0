import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DirectoryLock, lockDirectory } from '#lib/directory-lock.ts';
import { messageOf, ServiceError } from '#lib/errors.ts';
import { makeDirectory } from '#lib/make-directory.ts';

/**
 * Make the data folder if it is not there, readable by its owner alone, and take it for this process.
 *
 * @throws ServiceError data-unusable, data-in-use
 */
export function openDataDirectory(path: string): DirectoryLock {
  try {
    makeDirectory(path, 0o700);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return lockDirectory(path);
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    throw new ServiceError('data-unusable', `the data folder ${path} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/** Octets of the path of a Unix socket, without the final zero: 103 on macOS, 107 on Linux. */
const longestSocketPath = 103;

export interface SocketPlace extends Disposable {
  readonly path: string;
}

/** Find a path for a Unix socket: in the data folder or, where its path is too long, in a private temporary folder. */
export function chooseSocketPath(directory: string, name: string): SocketPlace {
  const path = join(directory, name);
  if (new TextEncoder().encode(path).length <= longestSocketPath) return { path, [Symbol.dispose]() {} };
  const own = mkdtempSync(join(tmpdir(), 'zoneseal-')); // mode 0700
  return { path: join(own, name), [Symbol.dispose]: () => rmSync(own, { recursive: true, force: true }) };
}
