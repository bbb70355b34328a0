import { Worker } from 'node:worker_threads';
import { DnsError, type DnsErrorCode } from '#dns/errors.ts';
import { canonicalName, type Name } from '#dns/name.ts';
import type { PortableOrder, ReaderMessage, ReaderRequest, ZoneFile } from '#dnssec/adapters/zone-reader-worker.ts';
import { DnssecError, type DnssecErrorCode } from '#dnssec/core/errors.ts';
import type { PlannedText } from '#dnssec/core/signing/planned-text.ts';
import type { PlannedZone, PlannedZoneHead, ZoneOrder } from '#dnssec/core/signing/planned-zone.ts';
import type { GatheredZone } from '#dnssec/core/zone/gather-zone.ts';
import { StoredNodes } from '#dnssec/core/zone/stored-nodes.ts';

export type { ZoneFile } from '#dnssec/adapters/zone-reader-worker.ts';

/** A zone that is being read by a thread of its own. Either `plan` or `gather` is called, once. */
export interface ZoneReading extends AsyncDisposable {
  readonly apex: Name;
  /** Plan the text of the signed zone on the thread, as soon as it is read and checked. @throws DnsError, DnssecError */
  plan(order: ZoneOrder, onRead?: (records: number) => void): Promise<PlannedZone>;
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
  const reader = new ReaderThread(worker);
  const apex = await reader.apex.promise;
  return {
    apex,
    async plan({ keys, ...order }, onRead) {
      const portable: PortableOrder = {
        ...order,
        keys: keys.map((key) => ({ ...key, algorithm: key.algorithm.number })),
      };
      reader.ask({ kind: 'plan', order: portable }, onRead);
      return { ...(await reader.planned.promise), pieces: reader.pieces() };
    },
    gather(onRead) {
      reader.ask({ kind: 'zone' }, onRead);
      return reader.gathered.promise;
    },
    octetsRead: () => reader.octets,
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

/** What the thread has told. */
class ReaderThread {
  readonly apex = Promise.withResolvers<Name>();
  readonly gathered = Promise.withResolvers<GatheredZone>();
  readonly planned = Promise.withResolvers<PlannedZoneHead>();
  octets = 0;
  readonly #worker: Worker;
  #apex = '' as Name;
  #onRead: (records: number) => void = () => undefined;
  /** Pieces that nobody has taken; undefined is the end. */
  readonly #pieces: (PlannedText | undefined)[] = [];
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    // They are awaited if the signing comes that far.
    for (const { promise } of [this.gathered, this.planned]) promise.catch(() => undefined);
    worker.on('message', (message: ReaderMessage) => this.#receive(message));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => this.#fail(new Error('the thread that reads the zone ended before its end')));
  }

  ask(request: ReaderRequest, onRead: (records: number) => void = () => undefined): void {
    this.#onRead = onRead;
    this.#worker.postMessage(request, []);
  }

  async *pieces(): AsyncGenerator<PlannedText> {
    for (;;) {
      while (this.#pieces.length === 0) {
        if (this.#failure !== undefined) throw this.#failure.error;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      const piece = this.#pieces.shift();
      if (piece === undefined) return;
      this.#worker.postMessage({ kind: 'taken' } satisfies ReaderRequest, []);
      yield piece;
    }
  }

  #receive(message: ReaderMessage): void {
    switch (message.kind) {
      case 'apex':
        this.#apex = message.apex;
        return this.apex.resolve(message.apex);
      case 'progress':
        this.octets = message.octets;
        return this.#onRead(message.records);
      case 'zone':
        return this.gathered.resolve(zoneOf(message, this.#apex));
      case 'planned':
        return this.planned.resolve(message);
      case 'piece':
      case 'end':
        this.#pieces.push(message.kind === 'piece' ? message.piece : undefined);
        return this.#wake();
      default:
        return this.#fail(errorOf(message));
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { reject } of [this.apex, this.gathered, this.planned]) reject(error);
    this.#wake();
  }
}

function zoneOf({ parts, rrsetCount, faults }: Extract<ReaderMessage, { kind: 'zone' }>, apex: Name): GatheredZone {
  return { zone: { apex: canonicalName(apex), nodes: StoredNodes.fromParts(parts), rrsetCount }, faults };
}

function errorOf({ name, code, message, details }: Extract<ReaderMessage, { kind: 'refused' }>): Error {
  return name === DnsError.name
    ? new DnsError(code as DnsErrorCode, message, { details })
    : new DnssecError(code as DnssecErrorCode, message, { details });
}
