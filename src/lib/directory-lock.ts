import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ServiceError } from '#lib/errors.ts';

/** The right to use a data folder. Held until released or until the process ends, however it ends. */
export interface DirectoryLock {
  /** Let another process have the folder. Safe to call twice. */
  release(): void;
}

/**
 * Take a folder for this process alone. The lock is SQLite's lock on a file in it, which the operating system lets go of
 * when the process dies, so that a crash leaves nothing to clean up and a process id is never mistaken for another's.
 *
 * @throws ServiceError data-in-use
 */
export function lockDirectory(directory: string): DirectoryLock {
  const holder = join(directory, 'lock.pid'); // for people only: it tells who holds the lock, and is not the lock
  const database = new DatabaseSync(join(directory, 'lock.db'));
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (at); COMMIT;');
  } catch (cause) {
    database.close();
    if (!/database is locked/.test(String(cause))) throw cause;
    const process = holderOf(holder);
    throw new ServiceError('data-in-use', `${directory} is in use by another process${process}`, { cause });
  }
  writeFileSync(holder, `${process.pid}\n`);
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

function holderOf(path: string): string {
  try {
    return ` (${readFileSync(path, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
