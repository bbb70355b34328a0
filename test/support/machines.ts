import { type RestartableRedis, startRestartableRedis } from '#test/support/restartable-redis.ts';
import { type PrivateDatabase, startPostgres } from '#test/support/servers.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

/** A service in its parts, each a process of its own, with a database and a Redis that nobody else has. */
export interface Machines extends AsyncDisposable {
  readonly kms: Zoneseal;
  readonly api: Zoneseal;
  readonly database: PrivateDatabase;
  readonly redis: RestartableRedis;
  /** Start one more worker. */
  startWorker(): Promise<Zoneseal>;
}

type Settings = Readonly<Record<string, string>>;

/** What API and workers show to the KMS. */
export const serviceToken = 'test-service-token-0123456789abcdef';

/**
 * Start KMS and API; workers are started when they are asked for.
 *
 * @param env settings of API and workers
 * @param apiEnv settings of the API alone
 */
export async function startMachines(env: Settings = {}, apiEnv: Settings = {}): Promise<Machines> {
  const started = new AsyncDisposableStack();
  const startOne = async (settings: Readonly<Record<string, string | undefined>>): Promise<Zoneseal> => {
    const { path: data } = started.use(makeTempDir());
    return started.use(await startZoneseal({ data, env: settings }));
  };
  try {
    const database = started.use(await startPostgres());
    const redis = started.use(await startRestartableRedis());
    const kms = await startOne({
      ZONESEAL_ROLE: 'kms',
      ZONESEAL_SERVICE_TOKEN: serviceToken,
      ZONESEAL_RATE_LIMIT: '0',
    });
    const shared = {
      ZONESEAL_ADMIN_TOKEN: undefined,
      ZONESEAL_KMS_URL: kms.url,
      ZONESEAL_TOKEN: serviceToken,
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      ZONESEAL_RESOLVERS: 'none', // the zones have no parent that could be asked
      ...env,
    };
    const api = await startOne({ ...shared, ...apiEnv, ZONESEAL_ROLE: 'api' });
    const startWorker = () => startOne({ ...shared, ZONESEAL_ROLE: 'worker' });
    return { kms, api, database, redis, startWorker, [Symbol.asyncDispose]: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}
