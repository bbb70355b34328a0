import { Worker } from 'node:worker_threads';
import { DnsError, type DnsErrorCode } from '#dns/errors.ts';
import { canonicalName, type Name } from '#dns/name.ts';
import type { ReaderMessage, ZoneFile } from '#dnssec/adapters/zone-reader-worker.ts';
import { DnssecError, type DnssecErrorCode } from '#dnssec/core/errors.ts';
import type { GatheredZone } from '#dnssec/core/zone/gather-zone.ts';
import { StoredNodes } from '#dnssec/core/zone/stored-nodes.ts';

export type { ZoneFile } from '#dnssec/adapters/zone-reader-worker.ts';

/** A zone that is being read by a thread of its own. */
export interface ZoneReading extends AsyncDisposable {
  readonly apex: Name;
  /** The whole zone, once it is read and checked. @throws DnsError, DnssecError */
  gather(onRead?: (records: number) => void): Promise<GatheredZone>;
  /** Octets of the file read so far. */
  readonly octetsRead: () => number;
}

/**
 * Read the master file of a zone that is to be signed on a thread, so that it is under way while this one gets the keys
 * ready. Resolves when the apex is known.
 *
 * @throws DnssecError zone-invalid when there is no SOA; DnsError; what opening the file throws
 */
export async function startReadingZone(file: ZoneFile): Promise<ZoneReading> {
  const worker = new Worker(new URL('zone-reader-worker.ts', import.meta.url), {
    workerData: file,
    name: 'zone-reader',
  });
  const found = Promise.withResolvers<Name>();
  const gathered = Promise.withResolvers<GatheredZone>();
  gathered.promise.catch(() => undefined); // it is awaited by `gather`, if the signing comes that far
  const progress = { octets: 0, onRead: (_records: number): void => undefined };
  const fail = (error: unknown): void => {
    found.reject(error);
    gathered.reject(error);
  };
  let apex = '' as Name;
  worker.on('message', (message: ReaderMessage) => {
    switch (message.kind) {
      case 'apex':
        apex = message.apex;
        found.resolve(apex);
        break;
      case 'progress':
        progress.octets = message.octets;
        progress.onRead(message.records);
        break;
      case 'zone':
        gathered.resolve({
          zone: {
            apex: canonicalName(apex),
            nodes: StoredNodes.fromParts(message.parts),
            rrsetCount: message.rrsetCount,
          },
          faults: message.faults,
        });
        break;
      default:
        fail(errorOf(message));
    }
  });
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the thread that reads the zone ended before its end')));
  return {
    apex: await found.promise,
    gather(onRead) {
      if (onRead !== undefined) progress.onRead = onRead;
      return gathered.promise;
    },
    octetsRead: () => progress.octets,
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

function errorOf({ name, code, message, details }: Extract<ReaderMessage, { kind: 'refused' }>): Error {
  return name === DnsError.name
    ? new DnsError(code as DnsErrorCode, message, { details })
    : new DnssecError(code as DnssecErrorCode, message, { details });
}
