import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import build from '#test/support/built.ts';
import { cpuSeconds } from './measure.ts';
import type { Database } from '#database/database.ts';
import type { GroupProgress } from '#dnssec/api-jobs.ts';
import { openZoneStore } from '#dnssec/adapters/store/zones.ts';
import { cloneZones } from '#test/support/clone-zones.ts';
import { type Machines, serviceToken, startMachines } from '#test/support/machines.ts';
import { openBehind } from '#test/support/postgres-schemas.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

await build();

/**
 * Small zones that share one key, in PostgreSQL, with KMS and workers as processes of their own: how many a second take up
 * a rotation of the key (a self-test signature, checked, and the new state of the zone's keys), and how many a second have
 * all their signatures renewed, verified and published; with the embedded queue and with BullMQ, and one or two workers.
 *
 * Usage: node bench/queue.ts [--zones 10000]
 */
const { values } = parseArgs({ options: { zones: { type: 'string', default: '10000' } } });
const zones = Number(values.zones);
const migrations = fileURLToPath(new URL('../src/dnssec/adapters/migrations/postgres', import.meta.url));
/** Zones that a worker tends at the same time. */
const concurrency = 8;

/** How fast all zones were done. */
interface Speed {
  /** Zones a second. */
  readonly rate: number;
  /** Core time of KMS and workers for each zone, in ms. */
  readonly core: number;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function call(service: Zoneseal, method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<unknown> {
  const answer = await service.call(method, path, body);
  if (answer.status > 299) throw new Error(`${method} ${path} answered ${JSON.stringify(answer)}`);
  return answer.body;
}

/** Make a zone through the API, and the others like that one behind its back. @returns the identity of their key */
async function makeZones({ kms, api }: Machines, database: Database): Promise<string> {
  const key = { name: 'shared', keyType: 'ecdsa-p256' };
  const { identity } = (await call(kms, 'POST', '/v1/kms/nl-01/keys', key)) as { identity: string };
  const zoneName = 'zone0.example';
  await call(api, 'POST', '/v1/dns/zones', { zoneName });
  const changes = ['www', 'mail', 'api'].map((name) => ({ action: 'put', name, type: 'A', values: ['192.0.2.1'] }));
  await call(api, 'POST', `/v1/dns/zones/${zoneName}/changes`, { changes });
  await call(api, 'PUT', `/v1/dns/zones/${zoneName}/dnssec`, { region: 'nl-01', kmsKeyIdentity: identity });
  const store = openZoneStore(database);
  const template = await store.findZoneByName(zoneName);
  if (template === undefined) throw new Error(`there is no zone ${zoneName}`);
  const others = Array.from({ length: zones - 1 }, (_, index) => `zone${index + 1}.example`);
  await cloneZones(store, template, others);
  say(`${zones} zones made`);
  return identity;
}

/** Wait until a check holds. */
async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await sleep(100);
}

/** Core time of some processes until now, in seconds. */
function coreOf(services: readonly Zoneseal[]): number {
  return services.reduce((sum, { process }) => sum + cpuSeconds(process.pid), 0);
}

/** Rotate the key, and wait until all zones know its new version. */
async function rotate(machines: Machines, database: Database, running: readonly Zoneseal[]): Promise<Speed> {
  await until(async () => {
    const [row] = await database.rows<{ latest: number | null }>(
      'SELECT min(coalesce(latest, 0)) AS latest FROM zone_kms_keys',
    );
    return row?.latest === version;
  });
  const before = coreOf(running);
  await call(machines.kms, 'POST', `/v1/kms/nl-01/keys/${key}/rotate`);
  const path = `/v1/dns/jobs/groups/rotation-nl-01-${key}-${++version}`;
  let group: Partial<GroupProgress> = {};
  await until(async () => {
    group = (await machines.api.call('GET', path)).body as Partial<GroupProgress>;
    return group.endedAt !== undefined;
  });
  const { startedAt = '', endedAt = '', done } = group;
  if (done !== zones) throw new Error(`only ${done} zones took up the rotation`);
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  return { rate: zones / seconds, core: ((coreOf(running) - before) * 1000) / zones };
}

/** Let all signatures be due, and wait until they are renewed. */
async function renew(database: Database, running: readonly Zoneseal[]): Promise<Speed> {
  const before = coreOf(running);
  await database.write(
    ['zone_rrsets', 'zone_links', 'zones'].map((table) => ({
      sql: `UPDATE ${table} SET refresh_at = 1000${table === 'zones' ? ', due_at = 1000' : ''} WHERE refresh_at IS NOT NULL`,
      values: [],
    })),
  );
  const started = performance.now();
  await until(async () => {
    const [row] = await database.rows<{ left: number }>('SELECT count(*) AS left FROM zones WHERE refresh_at = 1000');
    return row?.left === 0;
  });
  const seconds = (performance.now() - started) / 1000;
  return { rate: zones / seconds, core: ((coreOf(running) - before) * 1000) / zones };
}

/** Start a worker with the embedded queue, which is a whole service with a remote KMS. */
async function startEmbedded({ kms, database }: Machines): Promise<Zoneseal> {
  return startZoneseal({
    data: '/nonexistent',
    env: {
      ZONESEAL_ADMIN_TOKEN: undefined,
      ZONESEAL_KMS_URL: kms.url,
      ZONESEAL_TOKEN: serviceToken,
      DATABASE_URL: database.url,
      ZONESEAL_RESOLVERS: 'none',
      ...settings,
    },
  });
}

const settings = { ZONESEAL_CONCURRENCY: String(concurrency), ZONESEAL_QUEUE_RATE: '0', ZONESEAL_LOG_LEVEL: 'error' };

await using machines = await startMachines(settings);
const database = await openBehind(machines.database.url, 'zones', migrations);
const key = await makeZones(machines, database);
process.stdout.write(`${zones} zones of 8 signed RRsets\n\n`);
const row = (...cells: (string | number)[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
row('queue', 'workers', 'rotation taken up, zones/s', 'core time', 'signatures renewed, zones/s', 'core time');
row('---', '---:', '---:', '---:', '---:', '---:');
let version = 1;
for (const queue of ['embedded', 'BullMQ'] as const) {
  for (const number of [1, 2]) {
    const workers: Zoneseal[] = [];
    while (workers.length < number)
      workers.push(queue === 'BullMQ' ? await machines.startWorker() : await startEmbedded(machines));
    const running = [machines.kms, ...workers];
    const speeds = [await rotate(machines, database, running)];
    say(`${queue}, ${number} workers: rotation taken up`);
    speeds.push(await renew(database, running));
    for (const worker of workers) await worker.stop();
    row(queue, number, ...speeds.flatMap(({ rate, core }) => [rate.toFixed(0), `${core.toFixed(1)} ms`]));
  }
}
await database.close();
