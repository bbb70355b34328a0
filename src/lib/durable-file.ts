import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * A file that appears whole or not at all. What is written goes to a draft beside it; `commit` syncs the draft, renames
 * it and syncs the folder. A crash before the rename leaves the old file and a draft, after it the new file.
 */
export interface DurableFile extends AsyncDisposable {
  /** Append. The octets have reached the system, not yet the disk, when this resolves. */
  write(data: string | Uint8Array): Promise<void>;
  /** Put the draft in the place of the file. Nothing may be written afterwards. */
  commit(): Promise<void>;
}

/** Open a draft for `path`; without `commit`, leaving its scope removes the draft. @param mode permission bits */
export async function openDurableFile(path: string, mode = 0o666): Promise<DurableFile> {
  const draft = draftOf(path);
  const file = await open(draft, 'wx', mode);
  const background = new BackgroundSync(file);
  let underWay = true;
  return {
    async write(data) {
      await file.appendFile(data);
      background.wrote(data.length);
    },
    async commit() {
      await background.finish();
      await file.sync();
      await file.close();
      await rename(draft, path);
      underWay = false;
      await syncDirectory(dirname(path));
    },
    async [Symbol.asyncDispose]() {
      if (!underWay) return;
      await background.finish().catch(() => undefined); // the draft is of no use any more
      await file.close().catch(() => undefined); // it may be closed already when the rename failed
      await rm(draft, { force: true });
    },
  };
}

/** Octets that are on their way to the disk before more are sent after them. */
const syncEvery = 16 * 1024 * 1024;

/**
 * Syncs a large file to the disk while it is still being written, so that little is left to wait for at its end. A sync
 * that failed fails the file: the system forgets what it could not write, and a later sync would succeed without it.
 */
class BackgroundSync {
  readonly #file: FileHandle;
  #unsynced = 0;
  #underWay: Promise<void> | undefined;
  #failures: unknown[] = [];

  constructor(file: FileHandle) {
    this.#file = file;
  }

  wrote(octets: number): void {
    this.#unsynced += octets;
    if (this.#unsynced < syncEvery || this.#underWay !== undefined) return;
    this.#unsynced = 0;
    this.#underWay = this.#sync();
  }

  /** Wait for the sync that is under way. @throws what any sync threw */
  async finish(): Promise<void> {
    await this.#underWay;
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.datasync();
    } catch (error) {
      this.#failures.push(error);
    }
    this.#underWay = undefined;
  }
}

/**
 * Create a file with this content, readable by its owner alone, unless there is one already.
 *
 * @returns whether it was created; false when another process was first
 */
export async function createSecretFile(path: string, content: string): Promise<boolean> {
  const draft = draftOf(path);
  const file = await open(draft, 'wx', 0o600);
  try {
    await writeAndSync(file, content);
    await link(draft, path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  await syncDirectory(dirname(path));
  return true;
}

async function writeAndSync(file: FileHandle, content: string): Promise<void> {
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

function draftOf(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.new`;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
