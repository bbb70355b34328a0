import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const pieceOctets = 1 << 18;

/** Holds a large output until all of it is known to be good. It lives on disk, readable by this user alone. */
export interface Spool extends AsyncDisposable {
  /** Where it lies, for other threads. */
  readonly path: string;
  /** Octets that were written here. */
  readonly size: number;
  /** SHA-256 of what was written here, in hexadecimal; nothing can be written any more. */
  digest(): string;
  write(data: string | Uint8Array): Promise<void>;
  /** Read all that was written, in pieces. */
  read(): AsyncIterable<Uint8Array>;
}

export async function openSpool(): Promise<Spool> {
  const directory = await mkdtemp(join(tmpdir(), 'zoneseal-spool-'));
  const path = join(directory, 'output');
  let file: FileHandle | undefined = await open(path, 'wx', 0o600);
  let size = 0;
  const digest = createHash('sha256');
  return {
    path,
    get size() {
      return size;
    },
    async write(data) {
      await file?.appendFile(data);
      size += data.length;
      digest.update(data);
    },
    digest: () => digest.digest('hex'),
    read: () => readPieces(path),
    async [Symbol.asyncDispose]() {
      await file?.close();
      file = undefined;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Read a file in pieces. */
export function readPieces(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: pieceOctets });
}

/** Write behind what a file holds. */
export async function appendTo(
  path: string,
  work: (write: (octets: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  await using file = await open(path, 'a');
  await work((octets) => file.appendFile(octets));
}
