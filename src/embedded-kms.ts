import type { Logger } from 'pino';
import { type AdminToken, openAdminToken } from '#app/admin-token.ts';
import type { Config } from '#app/config.ts';
import { chooseSocketPath, openDataDirectory } from '#app/data-directory.ts';
import { closeHttp, createHttp, type HttpApp, listenOnSocket, mount } from '#app/http.ts';
import { kmsRoutes } from '#kms/http/routes.ts';
import { kmsStatuses } from '#kms/http/statuses.ts';
import { type DatabasePlace, type Kms, openKms } from '#kms/kms.ts';
import type { Clock } from '#lib/clock.ts';
import type { SecretText } from '#lib/secret-text.ts';

export interface ServiceContext {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The KMS of this process, on its Unix socket. */
export interface EmbeddedKms {
  readonly socketPath: string;
  readonly adminToken: AdminToken;
  /** What the DNSSEC service of this process shows to it. */
  readonly serviceToken: SecretText;
  /** Add its routes to another application, such as the one on TCP. */
  mountOn(app: HttpApp): Promise<void>;
  /** End what is under way, close the store and let go of the data folder. */
  close(): Promise<void>;
}

/** Milliseconds that requests under way may take when it closes. */
const grace = 5000;

/** Where the configuration says that the keys are. */
export function databasePlace({ databaseUrl, dataDirectory }: Config): DatabasePlace {
  return databaseUrl === undefined ? { kind: 'folder', path: dataDirectory } : { kind: 'postgres', url: databaseUrl };
}

/**
 * Take the data folder and open the KMS in it. Its socket is the only way in which the DNSSEC service of this process
 * speaks to it, just as to a remote one.
 *
 * @throws ServiceError data-unusable, data-in-use, admin-token-unusable; KmsError root-key-missing, root-key-invalid, root-key-wrong
 */
export async function openEmbeddedKms(config: Config, { clock, logger }: ServiceContext): Promise<EmbeddedKms> {
  await using opened = new AsyncDisposableStack();
  const lock = openDataDirectory(config.dataDirectory);
  opened.defer(() => lock.release());
  const adminToken = await openAdminToken(config);
  const kms: Kms = await openKms({
    place: databasePlace(config),
    rootKey: config.rootKey,
    clock,
    organisation: config.organisation,
    regions: config.regions,
    adminToken: adminToken.token.reveal(),
    rateLimit: config.rateLimit * 1000,
    ...(config.serviceToken === undefined ? {} : { signerToken: config.serviceToken.reveal() }),
    ...(config.jwtIssuer === undefined
      ? {}
      : { jwtIssuer: { issuer: config.jwtIssuer, audience: config.jwtAudience } }),
    onError: (error, what) => logger.error({ err: error }, `${what} failed`),
  });
  opened.defer(() => kms.close());
  const socket = opened.use(chooseSocketPath(config.dataDirectory, 'kms.sock'));
  const mountOn = (app: HttpApp) => mount(app, kmsRoutes, { ports: kms.ports, bell: kms.bell }, kmsStatuses);
  const app = await createHttp({ logger, compileWhenUsed: true });
  await mountOn(app);
  await listenOnSocket(app, socket.path);
  opened.defer(() => closeHttp(app, grace));
  const all = opened.move();
  const { serviceToken } = kms;
  return { socketPath: socket.path, adminToken, serviceToken, mountOn, close: () => all.disposeAsync() };
}
