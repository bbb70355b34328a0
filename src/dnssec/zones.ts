import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Database } from '#database/database.ts';
import { openPostgresDatabase } from '#database/postgres.ts';
import { openSqliteDatabase } from '#database/sqlite.ts';
import { openZoneStore } from '#dnssec/adapters/store/zones.ts';
import type { connectKms } from '#dnssec/adapters/kms-signer.ts';
import { ZoneCallers } from '#dnssec/http/zone-caller.ts';
import { openTransfer, type TransferOptions } from '#dnssec/adapters/transfer/open-transfer.ts';
import { publishedZones } from '#dnssec/operations/zones/published-zones.ts';
import { apexOf } from '#dnssec/operations/zones/publish-version.ts';
import { startRefreshing } from '#dnssec/operations/zones/refreshing.ts';
import { ZoneKeyCache } from '#dnssec/operations/zones/zone-key-cache.ts';
import { ZoneLocks } from '#dnssec/operations/zones/zone-locks.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { SignatureVerifier } from '#dnssec/ports.ts';
import type { Clock } from '#lib/clock.ts';
import type { SecretText } from '#lib/secret-text.ts';

/** Where zones are kept. */
export type ZonePlace =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: SecretText };

export interface ManagedZonesOptions {
  readonly place: ZonePlace;
  readonly kms: ReturnType<typeof connectKms>;
  readonly verifier: SignatureVerifier;
  readonly clock: Clock;
  /** `Authorization` of the service itself at the KMS: it needs to read keys and to sign. */
  readonly serviceToken: SecretText;
  /** Name servers of zones that name none themselves, in presentation form. */
  readonly nameServers: readonly string[];
  /** Where zones are served to secondaries; nowhere without it. */
  readonly transfer?: TransferOptions | undefined;
  /** Whether this process renews signatures by itself. */
  readonly refresh: boolean;
  readonly onError: (error: unknown, what: string) => void;
}

export interface ManagedZones {
  /** Port of zone transfers, where there are any. */
  readonly transferPort?: number;
  readonly ports: ZonePorts;
  readonly callers: ZoneCallers;
  close(): Promise<void>;
}

const migrations = fileURLToPath(new URL('adapters/migrations', import.meta.url));

/** Open the store of a place. @throws DatabaseError unavailable */
export async function openZoneDatabase(place: ZonePlace, onError: (error: unknown) => void): Promise<Database> {
  if (place.kind === 'folder') return openSqliteDatabase(join(place.path, 'zones.sqlite'), join(migrations, 'sqlite'));
  return openPostgresDatabase({ url: place.url, schema: 'zones', migrations: join(migrations, 'postgres'), onError });
}

/** Open the zones that the service holds. @throws DatabaseError unavailable */
export async function openManagedZones(options: ManagedZonesOptions): Promise<ManagedZones> {
  const { place, kms, verifier, clock, serviceToken, nameServers, onError } = options;
  const database = await openZoneDatabase(place, (error) => onError(error, 'connection to the zones'));
  const store = openZoneStore(database);
  const transfer =
    options.transfer === undefined
      ? undefined
      : await openTransfer(options.transfer, publishedZones(store), clock, onError).catch(async (error: unknown) => {
          await database.close();
          throw error;
        });
  const ports: ZonePorts = {
    store,
    verifier,
    clock,
    locks: new ZoneLocks(),
    keys: new ZoneKeyCache(),
    serviceSigner: ({ scope }, region) =>
      kms.signerFor({ authorization: `Bearer ${serviceToken.reveal()}`, ...scope }, region),
    callerSigner: (caller, region) => kms.signerFor(caller, region),
    keyMaker: (caller, region) => kms.keyMakerFor(caller, region),
    nameServers,
    onPublished: (zone) => transfer?.notify(apexOf(zone)),
  };
  const refreshing = options.refresh ? startRefreshing(ports, onError) : undefined;
  return {
    ports,
    callers: new ZoneCallers(kms, clock),
    ...(transfer === undefined ? {} : { transferPort: transfer.port }),
    async close() {
      await refreshing?.stop();
      await transfer?.close();
      await database.close();
    },
  };
}
