import { type CanonicalName, formatName } from '#dns/name.ts';
import { rcodes } from '#dnssec/adapters/messages/message.ts';
import { AnsweredUpdates } from '#dnssec/adapters/transfer/answered-updates.ts';
import { type NotifyTarget, sendNotify } from '#dnssec/adapters/transfer/notify.ts';
import { findTsigKey, type NamedServer } from '#dnssec/adapters/transfer/open-primaries.ts';
import { openTransferServer, type TransferServerOptions } from '#dnssec/adapters/transfer/server.ts';
import type { TsigKey } from '#dnssec/adapters/transfer/tsig.ts';
import type { PrimaryNews, PublishedZones, UpdateOutcome, ZoneUpdate } from '#dnssec/ports-transfer.ts';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';

export interface TransferOptions {
  readonly host: string;
  readonly port: number;
  /** Serve over TLS too. Certificate chain and key in PEM. */
  readonly tls?: TransferServerOptions['tls'];
  /** Those without a key are known by their address. */
  readonly secondaries: readonly NamedServer[];
  readonly keys: readonly TsigKey[];
}

/** What is done with requests that are no transfers. */
export interface TransferHandlers {
  readonly onNotify: (news: PrimaryNews) => Promise<boolean>;
  /** @param key TSIG key that signed the update */
  readonly onUpdate: (update: ZoneUpdate, key: CanonicalName) => Promise<UpdateOutcome>;
  /** Tells whether the holder of a key may have a zone. */
  readonly mayHave: (apex: CanonicalName, key: CanonicalName) => Promise<boolean>;
}

/** Source: RFC 2136 §2.2. */
const updateCodes: Readonly<Record<UpdateOutcome, number>> = {
  done: rcodes.noError,
  'name-exists': rcodes.yxDomain,
  'name-missing': rcodes.nxDomain,
  'rrset-exists': rcodes.yxRRset,
  'rrset-missing': rcodes.nxRRset,
  refused: rcodes.refused,
  'no-such-zone': rcodes.notAuth,
};

export interface Transfer {
  readonly port: number;
  /** Of TLS, where it is served. */
  readonly tlsPort?: number;
  /** Tell all secondaries of a new version of a zone; a newer one takes the place of one that is still told. */
  notify(apex: CanonicalName): void;
  close(): Promise<void>;
}

/**
 * Serve zones to secondaries and tell these of new versions.
 *
 * @throws ServiceError tsig-keys-unusable, address-unusable
 */
export async function openTransfer(
  { host, port, tls, secondaries, keys }: TransferOptions,
  zones: PublishedZones,
  handlers: TransferHandlers,
  clock: Clock,
  onError: (error: unknown, what: string) => void,
): Promise<Transfer> {
  const targets = secondaries.map((secondary): NotifyTarget => {
    const { key: _, ...place } = secondary;
    return { ...place, key: findTsigKey(secondary, keys) };
  });
  const server = await openTransferServer({
    host,
    port,
    zones,
    keys,
    ...(tls === undefined ? {} : { tls }),
    onNotify: ({ apex, serial, source: { address } }) =>
      handlers.onNotify({ apex, address, ...(serial === undefined ? {} : { serial }) }),
    onUpdate: async (update, { key }) =>
      key === undefined ? rcodes.refused : updateCodes[await handlers.onUpdate(update, key)],
    answeredUpdates: new AnsweredUpdates(),
    mayHave: async (apex, { key }) => key === undefined || (await handlers.mayHave(apex, key)),
    allow: targets.filter(({ key }) => key === undefined).map((target) => target.host),
    clock,
    onError: (error) => onError(error, 'zone transfer'),
  }).catch((cause: unknown) => {
    throw new ServiceError('address-unusable', `${host} port ${port} cannot be had for zone transfers`, { cause });
  });
  const underWay = new Map<string, AbortController>();
  const closing = new AbortController();
  const tell = async (apex: CanonicalName, target: NotifyTarget): Promise<void> => {
    const name = `${target.host} ${target.port} ${apex}`;
    underWay.get(name)?.abort();
    const superseded = new AbortController();
    underWay.set(name, superseded);
    try {
      const zone = await zones.findZone(apex);
      if (zone === undefined) return;
      const signal = AbortSignal.any([superseded.signal, closing.signal]);
      const fault = await sendNotify(zone, target, () => Math.floor(clock.now() / 1000), signal);
      if (fault !== undefined && !signal.aborted) onError(new Error(fault), `NOTIFY for ${formatName(apex)}`);
    } finally {
      if (underWay.get(name) === superseded) underWay.delete(name);
    }
  };
  const told = new Set<Promise<void>>();
  return {
    port: server.port,
    ...(server.tlsPort === undefined ? {} : { tlsPort: server.tlsPort }),
    notify(apex) {
      for (const target of targets) {
        const one: Promise<void> = tell(apex, target)
          .catch((error: unknown) => onError(error, `NOTIFY for ${formatName(apex)}`))
          .finally(() => told.delete(one));
        told.add(one);
      }
    },
    async close() {
      closing.abort();
      await Promise.all(told);
      await server.close();
    },
  };
}
