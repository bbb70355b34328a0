import { Type } from 'typebox';
import type { Config } from '#app/config.ts';
import { openDnssecPart } from '#app/dnssec-part.ts';
import { type EmbeddedKms, openEmbeddedKms, type ServiceContext } from '#app/embedded-kms.ts';
import { closeHttp, createHttp, type HttpApp, listenOnTcp } from '#app/http.ts';
import { version } from '#app/version.ts';
import { ServiceError } from '#lib/errors.ts';
import { loadLibsodium } from '#lib/libsodium.ts';

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
 * Start what the configuration says, on TCP: the KMS, unless the keys are in a remote one, and the DNSSEC service; of both
 * what the role of the process asks for. A worker answers about its health alone.
 * When it rejects, nothing is left running and the data folder is free again.
 *
 * @throws ServiceError address-in-use, address-unusable, data-unusable, data-in-use and what opening the KMS throws
 */
export async function startService(config: Config, context: ServiceContext): Promise<Service> {
  const { role } = config;
  tellLibsodium(context);
  await using started = new AsyncDisposableStack();
  const kms = role === 'kms' || config.kmsUrl === undefined ? await openEmbeddedKms(config, context) : undefined;
  started.defer(async () => kms?.close());
  const dnssec = role === 'kms' ? undefined : await openDnssecPart(config, context, kms);
  started.defer(async () => dnssec?.close());
  const app = await createHttp({ logger: context.logger, documentation });
  started.defer(() => app.close());
  let isReady = false;
  addHealth(app, () => isReady);
  await kms?.mountOn(app);
  if (role !== 'worker') await dnssec?.mountOn(app);
  const baseUrl = await listen(app, config);
  isReady = true;
  const all = started.move();
  const close = async () => {
    isReady = false;
    await closeHttp(app, grace); // first: what it is doing needs the rest
    await all.disposeAsync();
  };
  return { baseUrl, ...(kms !== undefined && { kms }), ...dnssec?.transferPorts, close };
}

/** Loaded here so that no call has to wait for it later. */
function tellLibsodium({ logger }: ServiceContext): void {
  const loaded = loadLibsodium();
  if ('libsodium' in loaded) logger.debug('Ed25519 is done by libsodium');
  else logger.info({ reason: loaded.reason }, 'Ed25519 is done by OpenSSL, in twice the time: libsodium does not load');
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
