import { canonicalName, parseName } from '#dns/name.ts';
import { fetchZone } from '#dnssec/adapters/transfer/client.ts';
import type { TsigKey } from '#dnssec/adapters/transfer/tsig.ts';
import type { ZonePrimary } from '#dnssec/ports-transfer.ts';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';

/** A name server as the settings name it. */
export interface NamedServer {
  readonly host: string;
  readonly port: number;
  /** Name of the TSIG key that it shares with us. */
  readonly key?: string;
}

/** Make ready to get zones from primaries. @throws ServiceError tsig-keys-unusable */
export function openPrimaries(
  primaries: readonly NamedServer[],
  keys: readonly TsigKey[],
  clock: Clock,
): readonly ZonePrimary[] {
  return primaries.map((primary) => {
    const { host, port } = primary;
    const key = findTsigKey(primary, keys);
    return {
      name: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      host,
      fetch: (apex, currentSerial, signal) => fetchZone({ host, port, apex, key, currentSerial, clock, signal }),
    };
  });
}

/** Find the key of a server. @throws ServiceError tsig-keys-unusable when it names one that there is not */
export function findTsigKey({ host, key: name }: NamedServer, keys: readonly TsigKey[]): TsigKey | undefined {
  if (name === undefined) return undefined;
  const key = keys.find((one) => one.name === canonicalName(parseName(name)));
  if (key === undefined)
    throw new ServiceError('tsig-keys-unusable', `the server ${host} uses the TSIG key ${name}, which there is not`);
  return key;
}
