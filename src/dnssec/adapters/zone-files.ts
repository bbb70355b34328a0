import { readdirSync, rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalName, parseName } from '#dns/name.ts';
import { formatRecord, printRecords } from '#dns/zone-file/print.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { PublishedZone, PublishedZones } from '#dnssec/ports-transfer.ts';
import { openDurableFile } from '#lib/durable-file.ts';
import { messageOf, ServiceError } from '#lib/errors.ts';
import { makeDirectory } from '#lib/make-directory.ts';
import { pause } from '#lib/repeat.ts';

/** Keeps a file for each zone. */
export interface ZoneFiles {
  /** Write the newest version of a zone, soon: changes that come close together are written once. */
  note(name: string): void;
  close(): Promise<void>;
}

/** Milliseconds from a change until its file is written. */
const delay = 500;
/** How often a zone is begun anew when it changed while it was written. */
const attempts = 5;
const draft = /\.zone\.[0-9a-f]{12}\.new$/;
/** Octets that hold the first line of any file of ours. */
const firstLine = 2048;

/**
 * Keep the newest version of each zone in a folder, as `example.com.zone`: its SOA first, signatures and all. A file takes
 * the place of the one before at once, when it is whole and on disk. That of a zone that is deleted is removed.
 *
 * @throws ServiceError zone-files-unusable
 */
export function openZoneFiles(
  directory: string,
  zones: PublishedZones,
  onError: (error: unknown, what: string) => void,
): ZoneFiles {
  try {
    makeDirectory(directory, 0o755);
    // What a crash left of files that were being written.
    for (const file of readdirSync(directory)) if (draft.test(file)) rmSync(join(directory, file));
  } catch (cause) {
    throw new ServiceError('zone-files-unusable', `zone files cannot be kept in ${directory}: ${messageOf(cause)}`);
  }
  const waiting = new Set<string>();
  const closing = new AbortController();
  let writing: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    while (waiting.size > 0 && !closing.signal.aborted) {
      await pause(delay, closing.signal);
      const names = [...waiting];
      waiting.clear();
      for (const name of names) {
        if (closing.signal.aborted) return; // what is left is found at the next start
        await keep(directory, name, zones).catch((error: unknown) => onError(error, `writing the file of ${name}`));
      }
    }
  };
  return {
    note(name) {
      waiting.add(name);
      writing ??= work().finally(() => (writing = undefined));
    },
    async close() {
      closing.abort();
      await writing;
    },
  };
}

async function keep(directory: string, name: string, zones: PublishedZones): Promise<void> {
  const apex = canonicalName(parseName(name));
  const path = join(directory, `${name}.zone`);
  for (let attempt = 1; ; attempt++) {
    const zone = await zones.findZone(apex);
    if (zone === undefined) return rm(path, { force: true });
    if ((await firstLineOf(path)) === lineOfSoa(zone)) return;
    try {
      await write(path, zone);
      return;
    } catch (error) {
      const isOvertaken = error instanceof DnssecError && error.code === 'conflict';
      if (!isOvertaken || attempt === attempts) throw error;
    }
  }
}

async function write(path: string, zone: PublishedZone): Promise<void> {
  await using file = await openDurableFile(path, 0o644);
  await file.write(`${lineOfSoa(zone)}\n`);
  for await (const records of zone.records()) for (const octets of printRecords(records)) await file.write(octets);
  await file.commit();
}

function lineOfSoa({ soa }: PublishedZone): string {
  return formatRecord(soa);
}

async function firstLineOf(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(firstLine), 0, firstLine, 0);
    return buffer.toString('latin1', 0, bytesRead).split('\n', 1)[0];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
