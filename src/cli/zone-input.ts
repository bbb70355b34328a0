import { createReadStream, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseName, type Name } from '#dns/name.ts';
import type { ZoneFileOptions } from '#dns/zone-file/read.ts';
import { openZone, type ZoneSource } from '#dnssec/operations/zone-text.ts';
import { UsageError } from '#cli/usage-error.ts';
import { messageOf } from '#lib/errors.ts';

/** A zone file as a command reads it. */
export interface ZoneInput {
  readonly source: ZoneSource;
  /** Octets of the file; unknown for standard input. */
  readonly size: number | undefined;
  /** Octets read so far. */
  readonly octetsRead: () => number;
}

/**
 * Open the zone file that the command line names, `-` for standard input. The file is the user's own, so `$INCLUDE` and
 * `$GENERATE` are allowed.
 *
 * @throws UsageError when there is no such file or the origin is no name; what `openZone` throws
 */
export async function openZoneInput(path: string, origin: string | undefined): Promise<ZoneInput> {
  const size = path === '-' ? undefined : sizeOf(path);
  let read = 0;
  const count = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      read += piece.length;
      yield piece;
    }
  };
  const options: ZoneFileOptions = {
    fileName: path === '-' ? 'stdin' : path,
    generate: true,
    include: (included, from) => createReadStream(resolve(dirname(from), included)),
    ...(origin !== undefined && { origin: parseOriginOption(origin) }),
  };
  const octets = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  const source = await openZone(count(octets as AsyncIterable<Uint8Array>), 'master', options);
  return { source, size, octetsRead: () => read };
}

function sizeOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new UsageError(`there is no file ${path}`);
  if (stats.isDirectory()) throw new UsageError(`${path} is a folder, not a zone file`);
  return stats.size;
}

function parseOriginOption(text: string): Name {
  try {
    return parseName(text);
  } catch (error) {
    throw new UsageError(`--origin: ${messageOf(error)}`, error);
  }
}
