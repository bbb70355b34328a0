import { Type } from 'typebox';
import type { Config } from '#app/config.ts';
import { databasePlace, type EmbeddedKms, openEmbeddedKms, type ServiceContext } from '#app/embedded-kms.ts';
import { closeHttp, createHttp, type HttpApp, listenOnTcp, mount } from '#app/http.ts';
import { version } from '#app/version.ts';
import { type Dnssec, openDnssec } from '#dnssec/dnssec.ts';
import { dnssecRoutes } from '#dnssec/http/routes.ts';
import { dnssecStatuses } from '#dnssec/http/statuses.ts';
import { registrarRoutes } from '#dnssec/http/registrar-routes.ts';
import { zoneFeedRoutes } from '#dnssec/http/zone-feed-routes.ts';
import { zoneRoutes } from '#dnssec/http/zone-routes.ts';
import { type ManagedZones, openManagedZones, type TransferSettings } from '#dnssec/zones.ts';
import { makeDirectory } from '#lib/make-directory.ts';
import { ServiceError } from '#lib/errors.ts';

/** A service that is up. */
export interface Service {
  /** Without a final slash. */
  readonly baseUrl: string;
  /** Port of zone transfers, where there are any. */
  readonly transferPort?: number;
  readonly transferTlsPort?: number;
  /** The KMS of this process; absent where the keys are in a remote one. */
  readonly kms?: EmbeddedKms;
  /** Let requests under way finish, and end. Nothing that was acknowledged is lost by not calling this. */
  close(): Promise<void>;
}

const documentation = {
  title: 'Zoneseal',
  version,
  description:
    'A KMS and a DNSSEC signer whose keys never leave it. Every call carries `Authorization: Bearer …` and ' +
    '`X-Organisation-Identity`; `X-Project-Identity` narrows it to a project.',
};

/** Milliseconds that requests under way may take when the service ends. */
const grace = 6000;

/**
 * Start what the configuration says: the KMS, unless the keys are in a remote one, and the DNSSEC service, on TCP.
 * When it rejects, nothing is left running and the data folder is free again.
 *
 * @throws ServiceError address-in-use, address-unusable, data-unusable, data-in-use and what opening the KMS throws
 */
export async function startService(config: Config, context: ServiceContext): Promise<Service> {
  if (config.redisUrl !== undefined) context.logger.warn('REDIS_URL is set, but this version has nothing to queue yet');
  await using started = new AsyncDisposableStack();
  const kms = config.kmsUrl === undefined ? await openEmbeddedKms(config, context) : undefined;
  started.defer(async () => kms?.close());
  const dnssec = openDnssec({ kmsUrl: config.kmsUrl ?? `unix:${kms?.socketPath}`, clock: context.clock });
  started.defer(() => dnssec.close());
  const zones = await openZones(config, context, dnssec, kms);
  started.defer(async () => zones?.close());
  const app = await createHttp({ logger: context.logger, documentation });
  started.defer(() => app.close());
  let isReady = false;
  addHealth(app, () => isReady);
  await kms?.mountOn(app);
  const { verifier, clock } = dnssec;
  await mount(app, dnssecRoutes, { prefix: '/v1/dnssec', kms: dnssec.kms, verifier, clock }, dnssecStatuses);
  if (zones !== undefined) {
    const { ports, callers } = zones;
    await mount(app, zoneRoutes, { prefix: '/v1/dns', ports, callers }, dnssecStatuses);
    await mount(app, registrarRoutes, { prefix: '/v1/dns', ports, callers }, dnssecStatuses);
    await mount(app, zoneFeedRoutes, { prefix: '/v1/dns', ports, callers }, dnssecStatuses);
  }
  const baseUrl = await listen(app, config);
  isReady = true;
  const all = started.move();
  const close = async () => {
    isReady = false;
    await closeHttp(app, grace); // first: what it is doing needs the rest
    await all.disposeAsync();
  };
  const { transferPort, transferTlsPort } = zones ?? {};
  const ports = {
    ...(transferPort !== undefined && { transferPort }),
    ...(transferTlsPort !== undefined && { transferTlsPort }),
  };
  return { baseUrl, ...(kms !== undefined && { kms }), ...ports, close };
}

/**
 * Open the zones that this service holds. With a remote KMS they need a token of the service's own; without one there are
 * none.
 */
async function openZones(
  config: Config,
  { clock, logger }: ServiceContext,
  { kms, verifier }: Dnssec,
  embedded: EmbeddedKms | undefined,
): Promise<ManagedZones | undefined> {
  const serviceToken = embedded?.serviceToken ?? config.token;
  if (serviceToken === undefined) {
    logger.info('ZONESEAL_TOKEN is not set: this service signs for callers and holds no zones');
    return undefined;
  }
  if (embedded === undefined) makeDirectory(config.dataDirectory, 0o700);
  return openManagedZones({
    place: databasePlace(config),
    kms,
    verifier,
    clock,
    serviceToken,
    nameServers: config.nameServers,
    transfer: transferSettings(config),
    refresh: true,
    onError: (error, what) => logger.error({ err: error }, `${what} failed`),
  });
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
    updateKeys: config.updateKeys ?? [],
    tsigKeyFile: config.tsigKeyFile,
  };
}

const Health = Type.Object({ status: Type.Union([Type.Literal('up'), Type.Literal('not-ready')]) });

const shown = (summary: string) => ({ summary, tags: ['Health'], security: [] });

function addHealth(app: HttpApp, isReady: () => boolean): void {
  app.get('/healthz', { schema: { ...shown('Whether the process is up'), response: { 200: Health } } }, () => ({
    status: 'up' as const,
  }));
  const schema = { ...shown('Whether it takes requests'), response: { 200: Health, 503: Health } };
  app.get('/readyz', { schema }, (_request, reply) => {
    if (isReady()) return { status: 'up' as const };
    void reply.code(503);
    return { status: 'not-ready' as const };
  });
}

async function listen(app: HttpApp, { host, port }: Config): Promise<string> {
  try {
    return await listenOnTcp(app, host, port);
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    const place = `${host} port ${port}`;
    if (code === 'EADDRINUSE')
      throw new ServiceError('address-in-use', `${place} is in use by another process`, { cause });
    if (code === 'EACCES')
      throw new ServiceError('address-unusable', `${place} needs more rights than this user has`, { cause });
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
      throw new ServiceError('address-unusable', `${host} is no address of this machine`, { cause });
    }
    throw cause;
  }
}
