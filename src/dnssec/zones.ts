import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WritingTurns } from '#database/writing-turns.ts';
import type { Database } from '#database/database.ts';
import { openPostgresDatabase } from '#database/postgres.ts';
import { openSqliteDatabase } from '#database/sqlite.ts';
import { convertSigning } from '#dnssec/adapters/store/convert-signing.ts';
import { openZoneStore } from '#dnssec/adapters/store/zones.ts';
import type { connectKms } from '#dnssec/adapters/kms-signer.ts';
import type { Place } from '#dnssec/adapters/parent/ask.ts';
import { openParentNotifier } from '#dnssec/adapters/parent/parent-notifier.ts';
import { openKeySetProbe } from '#dnssec/adapters/parent/key-set-probe.ts';
import { openParentProbe } from '#dnssec/adapters/parent/parent-probe.ts';
import type { ResolverOptions } from '#dnssec/adapters/parent/resolver.ts';
import { openZoneFiles } from '#dnssec/adapters/zone-files.ts';
import { ZoneCallers } from '#dnssec/http/zone-caller.ts';
import { openZoneFeeds } from '#dnssec/adapters/store/feeds.ts';
import { openZoneWebhookStore } from '#dnssec/adapters/store/webhooks.ts';
import { webhookSecrets } from '#dnssec/adapters/webhook-secrets.ts';
import { renderEvent } from '#dnssec/http/render-rollover.ts';
import { openPolicyStore } from '#dnssec/adapters/store/policies.ts';
import { type NamedPrimary, type NamedServer, openPrimaries } from '#dnssec/adapters/transfer/open-primaries.ts';
import { openTransfer, type Transfer, type TransferHandlers } from '#dnssec/adapters/transfer/open-transfer.ts';
import type { TsigKey } from '#dnssec/adapters/transfer/tsig.ts';
import { readTsigKeys } from '#dnssec/adapters/transfer/tsig-keys.ts';
import { canonicalName, type CanonicalName, parseName } from '#dns/name.ts';
import { publishedZones } from '#dnssec/operations/zones/published-zones.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { type Following, startFollowing } from '#dnssec/operations/zones/following.ts';
import { mayHave, updateZone } from '#dnssec/operations/zones/update-zone.ts';
import { startWatchingVersions, type ZoneNews } from '#dnssec/operations/zones/watching-versions.ts';
import { startDelivering } from '#dnssec/operations/zones/webhooks.ts';
import { KeyProofs } from '#dnssec/operations/zones/key-proofs.ts';
import { ZoneLocks } from '#dnssec/operations/zones/zone-locks.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { startSweeping } from '#dnssec/operations/zones/sweeping.ts';
import type { RunApart } from '#dnssec/operations/zones/apart.ts';
import type { ZoneThreads } from '#dnssec/adapters/zone-threads.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';
import type { SignatureVerifier } from '#dnssec/ports.ts';
import type { ZoneScope } from '#dnssec/ports-zones.ts';
import type { WebhookPorts } from '#dnssec/ports-webhooks.ts';
import type { Clock } from '#lib/clock.ts';
import { messageOf, ServiceError } from '#lib/errors.ts';
import type { SecretText } from '#lib/secret-text.ts';
import { httpWebhookSender } from '#lib/webhook-sender.ts';

export { createZoneThreads, type ZoneThreadCall, type ZoneThreadOutcome } from '#dnssec/adapters/zone-threads.ts';
export { turnsOctets } from '#database/writing-turns.ts';
export { wholeZoneWork } from '#dnssec/operations/zones/apart.ts';

/** Where zones are kept; `turns` is shared by the threads that write there. */
export type ZonePlace =
  | { readonly kind: 'folder'; readonly path: string; readonly turns?: SharedArrayBuffer }
  | { readonly kind: 'postgres'; readonly url: SecretText };

/** How zones go to and come from other name servers. */
export interface TransferSettings {
  /** Where zones are served to secondaries; nowhere without it. */
  readonly listen?: {
    readonly host: string;
    readonly port: number;
    readonly tls?: { readonly port: number; readonly certificateFile: string; readonly keyFile: string };
  };
  readonly secondaries: readonly NamedServer[];
  /** Servers that zones may come from. */
  readonly primaries: readonly NamedPrimary[];
  /** Certificates in PEM that vouch for those that speak TLS; absent: those that Node trusts. */
  readonly primariesCaFile?: string;
  /** Names of TSIG keys in presentation form. */
  readonly updateKeys: readonly string[];
  readonly tsigKeyFile: string | undefined;
}

/** Who tells of parents. */
export interface ParentSettings {
  /** Absent: the resolvers of this machine. */
  readonly resolvers?: readonly Place[];
  /** Servers of parents that are known beforehand; zones in presentation form. */
  readonly known: readonly (Place & { readonly zone: string })[];
}

export interface ManagedZonesOptions {
  readonly place: ZonePlace;
  readonly kms: ReturnType<typeof connectKms>;
  readonly verifier: SignatureVerifier;
  readonly clock: Clock;
  /** `Authorization` of the service itself at the KMS: it needs to read keys and to sign. */
  readonly serviceToken: SecretText;
  /** Name servers of zones that name none themselves, in presentation form. */
  readonly nameServers: readonly string[];
  /** How parents are asked for DS; without it only what people say of them counts. */
  readonly parents?: ParentSettings;
  /** Without it zones neither come from nor go to other name servers. */
  readonly transfer?: TransferSettings;
  /** Folder for a file of each zone. */
  readonly zoneFiles?: string | undefined;
  /** Servers that zones may come from, where this process does not serve zones itself. */
  readonly servers?: Omit<TransferSettings, 'listen' | 'secondaries'> | undefined;
  /** Opens threads for large zones; without it everything is done here. */
  readonly openThreads?: (onPublished: (zone: ManagedZone) => void) => ZoneThreads;
  /** Whether this process tells webhooks of events. */
  readonly tellsWebhooks?: boolean;
  /** Told of every version that was published. */
  readonly onPublished?: (zone: ManagedZone) => void;
  readonly onError: (error: unknown, what: string) => void;
}

export interface ManagedZones {
  /** Port of zone transfers, where there are any. */
  readonly transferPort?: number;
  readonly transferTlsPort?: number;
  readonly ports: ZonePorts;
  readonly webhooks: WebhookPorts;
  readonly callers: ZoneCallers;
  close(): Promise<void>;
}

const noTransfer: TransferSettings = { secondaries: [], primaries: [], updateKeys: [], tsigKeyFile: undefined };
const migrations = fileURLToPath(new URL('adapters/migrations', import.meta.url));

/** KiB of pages that stay in memory: of a zone of a million names all that lie above the rows. */
const pageCache = 16_384;

/** Open the store of a place. @throws DatabaseError unavailable */
export async function openZoneDatabase(place: ZonePlace, onError: (error: unknown) => void): Promise<Database> {
  const database =
    place.kind === 'folder'
      ? openSqliteDatabase(join(place.path, 'zones.sqlite'), join(migrations, 'sqlite'), {
          turns: new WritingTurns(place.turns),
          cache: pageCache,
        })
      : await openPostgresDatabase({
          url: place.url,
          schema: 'zones',
          migrations: join(migrations, 'postgres'),
          onError,
        });
  try {
    await convertSigning(database);
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/** Open the zones that the service holds. @throws DatabaseError unavailable */
export async function openManagedZones(options: ManagedZonesOptions): Promise<ManagedZones> {
  const { place, kms, verifier, clock, serviceToken, nameServers, onError } = options;
  const database = await openZoneDatabase(place, (error) => onError(error, 'connection to the zones'));
  await using opened = new AsyncDisposableStack();
  opened.defer(() => database.close());
  const store = openZoneStore(database);
  const { primaries, primariesCaFile, tsigKeyFile, updateKeys } = options.transfer ?? options.servers ?? noTransfer;
  const keys = tsigKeyFile === undefined ? [] : readTsigKeys(tsigKeyFile);
  let transfer: Transfer | undefined;
  const service = (scope: ZoneScope) => ({ authorization: `Bearer ${serviceToken.reveal()}`, ...scope });
  const onPublished = (zone: ManagedZone): void => {
    transfer?.notify(apexOf(zone));
    files?.note(zone.name);
    options.onPublished?.(zone);
  };
  const files =
    options.zoneFiles === undefined ? undefined : openZoneFiles(options.zoneFiles, publishedZones(store), onError);
  opened.defer(async () => files?.close());
  const threads = options.openThreads?.(onPublished);
  opened.defer(async () => threads?.close());
  const ports: ZonePorts = {
    store,
    policies: openPolicyStore(database),
    feeds: openZoneFeeds(database),
    primaries: openPrimaries(primaries, { keys, clock, ca: primariesCaFile && readPem(primariesCaFile) }),
    updateKeys: updateKeys.map((name) => updateKey(name, keys)),
    verifier,
    clock,
    locks: new ZoneLocks(),
    keyProofs: new KeyProofs(),
    serviceSigner: ({ scope }, region) => kms.signerFor(service(scope), region),
    serviceKeys: (scope, region) => kms.keyListerFor(service(scope), region),
    callerSigner: (caller, region) => kms.signerFor(caller, region),
    keyMaker: (caller, region) => kms.keyMakerFor(caller, region),
    ...(options.parents === undefined ? {} : parentPorts(options.parents)),
    nameServers,
    onPublished,
    ...(threads === undefined ? {} : { runApart: threads.run as RunApart }),
  };
  if (options.transfer !== undefined) {
    const following = startFollowing(ports, onError);
    opened.defer(() => following.stop());
    transfer = await openListener(options.transfer, keys, ports, following, onError);
    opened.defer(async () => transfer?.close());
  }
  // Only where the database is shared do others publish what secondaries are to be told of.
  const tellsOfOthers = transfer !== undefined && place.kind === 'postgres';
  const onNews = (zone: ZoneNews, isFirst: boolean): void => {
    files?.note(zone.name);
    if (tellsOfOthers && !isFirst) transfer?.notify(apexOf(zone));
  };
  const watching = files !== undefined || tellsOfOthers ? startWatchingVersions(ports, onNews, onError) : undefined;
  opened.defer(async () => watching?.stop());
  const sweeping = threads === undefined ? undefined : startSweeping(ports, onError);
  opened.defer(async () => sweeping?.stop());
  const webhooks = { store: openZoneWebhookStore(database), clock, secretOf: webhookSecrets(serviceToken) };
  const delivering =
    options.tellsWebhooks === true
      ? startDelivering(webhooks, httpWebhookSender, ({ event, zone }) => renderEvent(event, zone), onError)
      : undefined;
  opened.defer(async () => delivering?.stop());
  const all = opened.move();
  return {
    ports,
    webhooks,
    callers: new ZoneCallers(kms, clock),
    ...(transfer === undefined ? {} : { transferPort: transfer.port }),
    ...(transfer?.tlsPort === undefined ? {} : { transferTlsPort: transfer.tlsPort }),
    close: () => all.disposeAsync(),
  };
}

/** Milliseconds that an answer is waited for: who asks a parent is a request or a job, and comes again. */
const parentPatience = { waits: [1000, 2000], tcpWait: 4000 };

const noticePatience = { waits: [1000, 2000, 4000], tcpWait: 4000 };

function parentPorts(settings: ParentSettings): Pick<ZonePorts, 'parentProbe' | 'keySetProbe' | 'parentNotifier'> {
  const options = resolverOptions(settings);
  return {
    parentProbe: openParentProbe(options),
    keySetProbe: openKeySetProbe(options),
    parentNotifier: openParentNotifier({ ...options, noticePatience }),
  };
}

function resolverOptions({ resolvers, known }: ParentSettings): ResolverOptions {
  const zones = new Map<CanonicalName, Place[]>();
  for (const { zone, host, port } of known) {
    const apex = canonicalName(parseName(zone));
    zones.set(apex, [...(zones.get(apex) ?? []), { host, port }]);
  }
  return {
    ...(resolvers === undefined ? {} : { resolvers }),
    known: [...zones].map(([zone, servers]) => ({ zone, servers })),
    patience: parentPatience,
  };
}

async function openListener(
  { listen, secondaries }: TransferSettings,
  keys: readonly TsigKey[],
  ports: ZonePorts,
  following: Following,
  onError: ManagedZonesOptions['onError'],
): Promise<Transfer | undefined> {
  if (listen === undefined) return undefined;
  const { tls: files, ...place } = listen;
  const tls = files && { port: files.port, cert: readPem(files.certificateFile), key: readPem(files.keyFile) };
  const handlers: TransferHandlers = {
    onNotify: (news) => following.notified(news),
    onUpdate: (update, key) => updateZone(ports, update, key),
    mayHave: (apex, key) => mayHave(ports, apex, key),
  };
  const options = { ...place, ...(tls === undefined ? {} : { tls }), secondaries, keys };
  return openTransfer(options, publishedZones(ports.store), handlers, ports.clock, onError);
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    throw new ServiceError('tls-unusable', `${path} cannot be used for transfers over TLS: ${messageOf(cause)}`);
  }
}

/** @throws ServiceError tsig-keys-unusable */
function updateKey(name: string, keys: readonly TsigKey[]): CanonicalName {
  const wanted = canonicalName(parseName(name));
  if (keys.some((key) => key.name === wanted)) return wanted;
  throw new ServiceError('tsig-keys-unusable', `updates use the TSIG key ${name}, which there is not`);
}
