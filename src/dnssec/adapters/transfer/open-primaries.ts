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

/** A primary as the settings name it. */
export interface NamedPrimary extends NamedServer {
  /** The name in its certificate; without one it speaks TCP in the clear. Source: RFC 9103 §7. */
  readonly serverName?: string;
}

export interface PrimariesOptions {
  readonly keys: readonly TsigKey[];
  readonly clock: Clock;
  /** Certificates in PEM that vouch for primaries; absent: those that Node trusts. */
  readonly ca?: string | undefined;
}

/** Make ready to get zones from primaries. @throws ServiceError tsig-keys-unusable */
export function openPrimaries(
  primaries: readonly NamedPrimary[],
  { keys, clock, ca }: PrimariesOptions,
): readonly ZonePrimary[] {
  return primaries.map((primary) => {
    const { host, port, serverName } = primary;
    const key = findTsigKey(primary, keys);
    const tls = serverName === undefined ? undefined : { serverName, ...(ca === undefined ? {} : { ca }) };
    return {
      name: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      host,
      fetch: (apex, currentSerial, signal) => fetchZone({ host, port, tls, apex, key, currentSerial, clock, signal }),
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
