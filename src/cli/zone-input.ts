import { createReadStream, statSync } from 'node:fs';
import { parseName, type Name } from '#dns/name.ts';
import { startReadingZone, type ZoneReading } from '#dnssec/zone-reading.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import { UsageError } from '#cli/usage-error.ts';
import { messageOf } from '#lib/errors.ts';
import { readFileBeside } from '#lib/file-beside.ts';

/** A zone file that a command reads in the background. */
export interface ZoneInputReading extends ZoneReading {
  /** Octets of the file; unknown for standard input. */
  readonly size: number | undefined;
}

/**
 * Start to read the zone file that the command line names, `-` for standard input, to sign it. The file is the user's
 * own, so `$INCLUDE` and `$GENERATE` are allowed.
 *
 * @throws UsageError when there is no such file or the origin is no name; what `startReadingZone` throws
 */
export async function startReadingInput(path: string, origin: string | undefined): Promise<ZoneInputReading> {
  const isFile = path !== '-';
  const size = isFile ? sizeOf(path) : undefined;
  const reading = await startReadingZone({ path: isFile ? path : undefined, ...originOf(origin) });
  return { ...reading, size };
}

/**
 * Open the zone file that the command line names, `-` for standard input, as the records that are in it.
 *
 * @throws UsageError when there is no such file or the origin is no name; what `openZone` throws
 */
export function openZoneInput(path: string, origin: string | undefined): ReturnType<typeof openZone> {
  if (path !== '-') sizeOf(path);
  const octets = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  const fileName = path === '-' ? 'stdin' : path;
  const options = { fileName, ...originOf(origin), generate: true, include: readFileBeside };
  return openZone(octets as AsyncIterable<Uint8Array>, 'master', options);
}

function originOf(option: string | undefined): { readonly origin?: Name } {
  return option === undefined ? {} : { origin: parseOriginOption(option) };
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
