import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Holds a large output until all of it is known to be good. It lives on disk, readable by this user alone. */
export interface Spool extends AsyncDisposable {
  write(text: string): Promise<void>;
  /** Read all that was written, in pieces. */
  read(): AsyncIterable<Uint8Array>;
}

export async function openSpool(): Promise<Spool> {
  const directory = await mkdtemp(join(tmpdir(), 'zoneseal-spool-'));
  const path = join(directory, 'output');
  let file: FileHandle | undefined = await open(path, 'wx', 0o600);
  return {
    async write(text) {
      await file?.appendFile(text);
    },
    read: () => createReadStream(path, { highWaterMark: 1 << 18 }),
    async [Symbol.asyncDispose]() {
      await file?.close();
      file = undefined;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
