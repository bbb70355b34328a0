import { createReadStream } from 'node:fs';
import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import { ServiceError } from '#lib/errors.ts';
import { readFileBeside } from '#lib/file-beside.ts';
import type { Name } from '#dns/name.ts';
import { readZoneFile } from '#dns/zone-file/read.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import { findZoneApex, gatherZone } from '#dnssec/core/zone/gather-zone.ts';
import type { StoredNodesParts } from '#dnssec/core/zone/stored-nodes.ts';

/** The master file of a zone; `$INCLUDE` and `$GENERATE` are allowed in it. */
export interface ZoneFile {
  /** Undefined for standard input. */
  readonly path: string | undefined;
  /** What relative names are relative to until `$ORIGIN` says so. */
  readonly origin?: Name;
}

/** What the thread tells. An error of ours travels by its parts, since a clone would lose its class. */
export type ReaderMessage =
  | { readonly kind: 'apex'; readonly apex: Name }
  | { readonly kind: 'progress'; readonly octets: number; readonly records: number }
  | {
      readonly kind: 'zone';
      readonly parts: StoredNodesParts;
      readonly rrsetCount: number;
      readonly faults: readonly ZoneFault[];
    }
  | {
      readonly kind: 'refused';
      readonly name: string;
      readonly code: string;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

const pieceOctets = 1 << 18;
const standardInput = 0;

async function readZone({ path, origin }: ZoneFile): Promise<void> {
  const fileName = path ?? 'stdin';
  let octets = 0;
  const count = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      octets += piece.length;
      yield piece;
    }
  };
  const input = createReadStream(path ?? '', {
    highWaterMark: pieceOctets,
    ...(path === undefined && { fd: standardInput, autoClose: false }),
  });
  const pieces = readZoneFile(count(input as AsyncIterable<Uint8Array>), {
    fileName,
    generate: true,
    include: readFileBeside,
    ...(origin !== undefined && { origin }),
  });
  const source = await findZoneApex(pieces, fileName);
  post({ kind: 'apex', apex: source.apex });
  const { zone, faults } = await gatherZone(source, (records) => post({ kind: 'progress', octets, records }));
  const parts = zone.nodes.toParts();
  post({ kind: 'zone', parts, rrsetCount: zone.rrsetCount, faults }, parts.buffers);
}

function post(message: ReaderMessage, transfer: readonly TransferListItem[] = []): void {
  parentPort?.postMessage(message, transfer);
}

try {
  await readZone(workerData as ZoneFile);
} catch (error) {
  if (!(error instanceof ServiceError)) throw error;
  const { name, code, message, details } = error;
  post({ kind: 'refused', name, code, message, details });
}
