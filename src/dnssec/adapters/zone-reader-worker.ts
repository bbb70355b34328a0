import { createReadStream } from 'node:fs';
import { parentPort, type TransferListItem, workerData } from 'node:worker_threads';
import { ServiceError } from '#lib/errors.ts';
import { readFileBeside } from '#lib/file-beside.ts';
import { buffersOf } from '#lib/packed.ts';
import type { Name } from '#dns/name.ts';
import { readZoneFile } from '#dns/zone-file/read.ts';
import { getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import type { PlannedText } from '#dnssec/core/signing/planned-text.ts';
import { type PlannedZoneHead, planZoneText, type ZoneOrder } from '#dnssec/core/signing/planned-zone.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import { findZoneApex, type GatheredZone, gatherZone } from '#dnssec/core/zone/gather-zone.ts';
import type { StoredNodesParts } from '#dnssec/core/zone/stored-nodes.ts';

/** The master file of a zone; `$INCLUDE` and `$GENERATE` are allowed in it. */
export interface ZoneFile {
  /** Undefined for standard input. */
  readonly path: string | undefined;
  /** What relative names are relative to until `$ORIGIN` says so. */
  readonly origin?: Name;
}

/** What the thread is asked for: the zone, or the text of it signed, piece by piece. */
export type ReaderRequest =
  | { readonly kind: 'zone' }
  | { readonly kind: 'plan'; readonly order: PortableOrder }
  /** The next piece was taken. */
  | { readonly kind: 'taken' };

/** An order whose keys name their algorithms, whose rows hold functions. */
export type PortableOrder = Omit<ZoneOrder, 'keys'> & {
  readonly keys: readonly (Omit<ZoneKey, 'algorithm'> & { readonly algorithm: number })[];
};

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
  | ({ readonly kind: 'planned' } & PlannedZoneHead)
  | { readonly kind: 'piece'; readonly piece: PlannedText }
  | { readonly kind: 'end' }
  | {
      readonly kind: 'refused';
      readonly name: string;
      readonly code: string;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };

const pieceOctets = 1 << 18;
const standardInput = 0;
/** Pieces of text that lie ready at most. */
const piecesAhead = 3;

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
  const gathered = await gatherZone(source, (records) => post({ kind: 'progress', octets, records }));
  const request = await wanted.promise;
  if (request.kind === 'plan') return plan(gathered, request.order);
  const { zone, faults } = gathered;
  const parts = zone.nodes.toParts();
  return post({ kind: 'zone', parts, rrsetCount: zone.rrsetCount, faults }, parts.buffers);
}

const wanted = Promise.withResolvers<Exclude<ReaderRequest, { kind: 'taken' }>>();
let ahead = 0;
let onTaken = (): void => undefined;

parentPort?.on('message', (request: ReaderRequest) => {
  if (request.kind !== 'taken') return wanted.resolve(request);
  ahead--;
  return onTaken();
});

async function plan(gathered: GatheredZone, { keys, ...order }: PortableOrder): Promise<void> {
  const zoneKeys = keys.map((key) => ({ ...key, algorithm: getAlgorithm(key.algorithm) }));
  const { pieces, ...head } = planZoneText(gathered, { ...order, keys: zoneKeys });
  post({ kind: 'planned', ...head });
  for await (const piece of pieces) {
    if (ahead >= piecesAhead) await new Promise<void>((resolve) => (onTaken = resolve));
    ahead++;
    const packed = piece.orders.flatMap(({ signedData, places }) => [...buffersOf([signedData]), places.buffer]);
    post({ kind: 'piece', piece }, [piece.text.buffer, ...packed]);
  }
  post({ kind: 'end' });
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
} finally {
  parentPort?.close();
}
