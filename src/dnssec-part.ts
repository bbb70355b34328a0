import type { Config } from '#app/config.ts';
import { databasePlace, type EmbeddedKms, type ServiceContext } from '#app/embedded-kms.ts';
import { type HttpApp, mount } from '#app/http.ts';
import { type Dnssec, openDnssec } from '#dnssec/dnssec.ts';
import { dnssecStatuses } from '#dnssec/http/statuses.ts';
import { dnssecRoutes } from '#dnssec/http/routes.ts';
import { jobRoutes } from '#dnssec/http/job-routes.ts';
import { registrarRoutes } from '#dnssec/http/registrar-routes.ts';
import { summaryRoutes } from '#dnssec/http/summary-routes.ts';
import { zoneFeedRoutes } from '#dnssec/http/zone-feed-routes.ts';
import { webhookRoutes } from '#dnssec/http/webhook-routes.ts';
import { zoneRoutes } from '#dnssec/http/zone-routes.ts';
import { openTending, type Tending } from '#dnssec/worker.ts';
import {
  createZoneThreads,
  type ManagedZones,
  openManagedZones,
  type ParentSettings,
  type TransferSettings,
  turnsOctets,
} from '#dnssec/zones.ts';
import type { ZoneWorkerSettings } from '#app/zone-worker.ts';
import type { SecretText } from '#lib/secret-text.ts';
import type { DatabasePlace } from '#kms/kms.ts';
import { ServiceError } from '#lib/errors.ts';
import { makeDirectory } from '#lib/make-directory.ts';

/** The DNSSEC service of this process. */
export interface DnssecPart {
  /** Where there are zone transfers. */
  readonly transferPorts: { readonly transferPort?: number; readonly transferTlsPort?: number };
  /** Add its routes to an application. */
  mountOn(app: HttpApp): Promise<void>;
  close(): Promise<void>;
}

/** The zones that this process holds, and what keeps them signed. */
interface HeldZones {
  readonly zones: ManagedZones;
  readonly tending: Tending;
}

/**
 * Open the DNSSEC service, with the KMS of this process or a remote one.
 *
 * @throws DatabaseError unavailable; ServiceError data-unusable, address-unusable, tsig-keys-unusable
 */
export async function openDnssecPart(
  config: Config,
  context: ServiceContext,
  embedded: EmbeddedKms | undefined,
): Promise<DnssecPart> {
  await using opened = new AsyncDisposableStack();
  const kmsUrl = config.kmsUrl ?? `unix:${embedded?.socketPath}`;
  const dnssec = openDnssec({ kmsUrl, clock: context.clock });
  opened.defer(() => dnssec.close());
  const held = await openHeldZones(config, context, { ...dnssec, kmsUrl }, embedded);
  opened.defer(async () => held?.zones.close());
  opened.defer(async () => held?.tending.close());
  const all = opened.move();
  const { transferPort, transferTlsPort } = held?.zones ?? {};
  return {
    transferPorts: {
      ...(transferPort === undefined ? {} : { transferPort }),
      ...(transferTlsPort === undefined ? {} : { transferTlsPort }),
    },
    close: () => all.disposeAsync(),
    async mountOn(app) {
      const { kms, verifier, clock } = dnssec;
      await mount(app, dnssecRoutes, { prefix: '/v1/dnssec', kms, verifier, clock }, dnssecStatuses);
      if (held === undefined) return;
      const { ports, callers, webhooks } = held.zones;
      await mount(app, zoneRoutes, { prefix: '/v1/dns', ports, callers }, dnssecStatuses);
      await mount(app, registrarRoutes, { prefix: '/v1/dns', ports, callers }, dnssecStatuses);
      await mount(app, zoneFeedRoutes, { prefix: '/v1/dns', ports, callers }, dnssecStatuses);
      await mount(app, summaryRoutes, { prefix: '/v1/dns', ports, callers }, dnssecStatuses);
      await mount(app, webhookRoutes, { prefix: '/v1/dns', webhooks, callers }, dnssecStatuses);
      const jobs = { prefix: '/v1/dns', queue: held.tending.queue, store: ports.store, callers };
      await mount(app, jobRoutes, jobs, { ...dnssecStatuses, unavailable: 503 });
    },
  };
}

/** With a remote KMS zones need a token of the service's own; without one there are none. */
async function openHeldZones(
  config: Config,
  { clock, logger }: ServiceContext,
  { kms, verifier, kmsUrl }: Dnssec & { readonly kmsUrl: string },
  embedded: EmbeddedKms | undefined,
): Promise<HeldZones | undefined> {
  const serviceToken = embedded?.serviceToken ?? config.token;
  if (serviceToken === undefined) {
    logger.info('ZONESEAL_TOKEN is not set: this service signs for callers and holds no zones');
    return undefined;
  }
  const place = withTurns(databasePlace(config));
  if (embedded === undefined && place.kind === 'folder') makeDirectory(config.dataDirectory, 0o700);
  const onError = (error: unknown, what: string) => logger.error({ err: error }, `${what} failed`);
  const zones = await openManagedZones({
    place,
    kms,
    verifier,
    clock,
    serviceToken,
    nameServers: config.nameServers,
    ...parentSettings(config),
    openThreads: (onPublished) =>
      createZoneThreads(
        new URL('./zone-worker.ts', import.meta.url),
        workerSettings(config, place, kmsUrl, serviceToken),
        onPublished,
      ),
    tellsWebhooks: config.role !== 'worker',
    ...(config.role === 'worker' ? {} : { transfer: transferSettings(config), zoneFiles: config.zoneFiles }),
    onError,
  });
  try {
    const tending = await openTending({
      place,
      ports: zones.ports,
      redisUrl: config.redisUrl,
      concurrency: config.role === 'api' ? 0 : config.concurrency,
      rate: config.queueRate,
      leaseTime: config.jobLease * 1000,
      onError,
    });
    return { zones, tending };
  } catch (error) {
    await zones.close();
    throw error;
  }
}

/** The threads of this process write to one file in turns. */
function withTurns(place: DatabasePlace): WorkingPlace {
  return place.kind === 'folder' ? { ...place, turns: new SharedArrayBuffer(turnsOctets) } : place;
}

type WorkingPlace =
  | Exclude<DatabasePlace, { kind: 'folder' }>
  | { kind: 'folder'; path: string; turns: SharedArrayBuffer };

function workerSettings(
  config: Config,
  place: WorkingPlace,
  kmsUrl: string,
  serviceToken: SecretText,
): ZoneWorkerSettings {
  return {
    place: place.kind === 'folder' ? place : { kind: 'postgres', url: place.url.reveal() },
    kmsUrl,
    serviceToken: serviceToken.reveal(),
    nameServers: config.nameServers,
    transfer: transferSettings(config),
    ...parentSettings(config),
  };
}

/** Without a word about resolvers or servers no parent is asked; the command that serves has one of its own. */
function parentSettings({ resolvers = 'none', parentServers = [] }: Config): { readonly parents?: ParentSettings } {
  if (resolvers === 'none' && parentServers.length === 0) return {};
  if (resolvers === 'system') return { parents: { known: parentServers } };
  return { parents: { resolvers: resolvers === 'none' ? [] : resolvers, known: parentServers } };
}

function transferSettings(config: Config): TransferSettings {
  const { transfer, transferTlsPort: port, transferTlsCertificate, transferTlsKey } = config;
  const tlsParts = [port, transferTlsCertificate, transferTlsKey];
  const hasTls = tlsParts.some((part) => part !== undefined);
  if (hasTls && (tlsParts.includes(undefined) || transfer === undefined))
    throw new ServiceError(
      'setting-invalid',
      'transfers over TLS need ZONESEAL_TRANSFER, ZONESEAL_TRANSFER_TLS_PORT, ZONESEAL_TRANSFER_TLS_CERTIFICATE and ZONESEAL_TRANSFER_TLS_KEY',
    );
  const tls =
    port === undefined || transferTlsCertificate === undefined || transferTlsKey === undefined
      ? {}
      : { tls: { port, certificateFile: transferTlsCertificate, keyFile: transferTlsKey } };
  return {
    ...(transfer === undefined ? {} : { listen: { ...transfer, ...tls } }),
    secondaries: config.secondaries ?? [],
    primaries: config.primaries ?? [],
    ...(config.primariesCa === undefined ? {} : { primariesCaFile: config.primariesCa }),
    updateKeys: config.updateKeys ?? [],
    tsigKeyFile: config.tsigKeyFile,
  };
}
