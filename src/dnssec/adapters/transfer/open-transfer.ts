import { canonicalName, type CanonicalName, formatName, parseName } from '#dns/name.ts';
import { type NotifyTarget, sendNotify } from '#dnssec/adapters/transfer/notify.ts';
import { openTransferServer } from '#dnssec/adapters/transfer/server.ts';
import { readTsigKeys } from '#dnssec/adapters/transfer/tsig-keys.ts';
import type { PublishedZones } from '#dnssec/ports-transfer.ts';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';

/** A secondary as the settings name it. */
export interface Secondary {
  readonly host: string;
  readonly port: number;
  /** Name of the TSIG key that it uses; without one its address is what it is known by. */
  readonly key?: string;
}

export interface TransferOptions {
  readonly host: string;
  readonly port: number;
  readonly secondaries: readonly Secondary[];
  readonly tsigKeyFile?: string | undefined;
}

export interface Transfer {
  readonly port: number;
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
  { host, port, secondaries, tsigKeyFile }: TransferOptions,
  zones: PublishedZones,
  clock: Clock,
  onError: (error: unknown, what: string) => void,
): Promise<Transfer> {
  const keys = tsigKeyFile === undefined ? [] : readTsigKeys(tsigKeyFile);
  const targets = secondaries.map((secondary): NotifyTarget => {
    const { key: name, ...place } = secondary;
    if (name === undefined) return place;
    const key = keys.find((one) => one.name === canonicalName(parseName(name)));
    if (key === undefined)
      throw new ServiceError(
        'tsig-keys-unusable',
        `the secondary ${place.host} uses the TSIG key ${name}, which there is not`,
      );
    return { ...place, key };
  });
  const server = await openTransferServer({
    host,
    port,
    zones,
    keys,
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
