import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { decode } from 'dns-packet';
import { expect, test } from 'vitest';
import { openZoneStore } from '#dnssec/adapters/store/zones.ts';
import { createThreadVerifier } from '#dnssec/dnssec.ts';
import { verifyZoneText } from '#dnssec/operations/verify-zone-text.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import { cloneZones } from '#test/support/clone-zones.ts';
import { freePort } from '#test/support/free-port.ts';
import { type Machines, startMachines } from '#test/support/machines.ts';
import { patience, testTimeout } from '#test/support/patience.ts';
import { openBehind } from '#test/support/postgres-schemas.ts';
import { describeWith } from '#test/support/requirements.ts';
import { runZoneseal } from '#test/support/run-zoneseal.ts';
import { testToken, type Zoneseal } from '#test/support/zoneseal.ts';

const migrations = fileURLToPath(new URL('../../src/dnssec/adapters/migrations/postgres', import.meta.url));

/** `ZONESEAL_CHAOS_ZONES=10000` is the figure for a machine of one's own. */
const number = Number(process.env['ZONESEAL_CHAOS_ZONES'] ?? 200);
const idle = { waiting: 0, delayed: 0, active: 0, failed: 0 };
/** Zones that a worker tends at the same time. */
const concurrency = 4;

describeWith(['postgres', 'initdb', 'redis-server', 'redis-cli'], 'a service on several machines', () => {
  test('when a key rotates, all zones that share it follow, with one progress', async () => {
    await using machines = await startMachines();
    const { kms, api } = machines;
    const worker = await machines.startWorker();
    const names = Array.from({ length: 20 }, (_, index) => `shared${index}.example`);
    const key = await makeZones(machines, names);
    await expect.poll(() => latestVersions(machines), { timeout: patience }).toEqual([1]); // the workers know it
    expect((await kms.call('POST', `/v1/kms/nl-01/keys/${key}/rotate`)).status).toBe(200);
    const group = `/v1/dns/jobs/groups/rotation-nl-01-${key}-2`;
    await expect
      .poll(async () => (await api.call('GET', group)).body, { timeout: patience })
      .toMatchObject({ total: 20, open: 0, done: 20, failed: 0, endedAt: expect.any(String) });
    const followed = await runZoneseal(['queue', 'follow', '--service', api.url], { ZONESEAL_TOKEN: testToken });
    expect(followed).toMatchObject({ code: 0, stdout: expect.stringMatching(/-2 +20 +20 +0 /) });
    for (const name of names) {
      const { body } = await api.call('GET', `/v1/dns/zones/${name}/dnssec`);
      const { signingKeys } = body as { signingKeys: { version: number }[] };
      expect(signingKeys.map(({ version }) => version)).toEqual([1, 2]);
    }
    expect((await worker.call('GET', '/readyz')).status).toBe(200);
    expect((await worker.call('GET', '/v1/dns/zones')).status).toBe(404); // it answers about its health alone
    expect((await kms.call('GET', '/v1/dns/zones')).status).toBe(404);
    expect((await api.call('GET', '/v1/kms/summary')).status).toBe(404);
  });

  test('the API tells secondaries of what a worker publishes', { timeout: 180_000 }, async () => {
    await using secondary = await listenForNotify();
    await using machines = await startMachines(
      {},
      {
        ZONESEAL_TRANSFER: `127.0.0.1:${await freePort()}`,
        ZONESEAL_SECONDARIES: `127.0.0.1:${secondary.port}`,
      },
    );
    await makeZones(machines, ['told.example']);
    await expect.poll(() => secondary.told, { timeout: 60_000 }).toContain('told.example');
    await makeDue(machines);
    secondary.told.length = 0;
    await machines.startWorker();
    await expect.poll(() => zonesOf(machines), { timeout: 60_000 }).toMatchObject([{ isDue: false }]);
    await expect.poll(() => secondary.told, { timeout: 60_000 }).toContain('told.example');
  });

  test(
    'every zone is re-signed, and none for nothing, while workers are killed and Redis is killed, started and wiped',
    { timeout: testTimeout + number * 200 },
    async () => {
      await using machines = await startMachines({
        ZONESEAL_JOB_LEASE: '10',
        ZONESEAL_CONCURRENCY: String(concurrency),
      });
      const { api, redis } = machines;
      const names = Array.from({ length: number }, (_, index) => `zone${index}.example`);
      await makeZones(machines, names.slice(0, 1));
      await makeLike(machines, names);
      const before = await zonesOf(machines);
      expect(before).toHaveLength(number);
      const first = await machines.startWorker();
      // What is heard of a key lets its zones be due, and whoever signs one of them just then does it anew.
      await expect.poll(() => latestVersions(machines), { timeout: patience }).toEqual([1]);
      await expect
        .poll(async () => (await api.call('GET', '/v1/dns/jobs')).body, { timeout: patience + number * 100 })
        .toEqual(idle);
      const signedBefore = signCalls(machines);

      await makeDue(machines);
      await reached(machines, number * 0.1);
      first.process.signal('SIGKILL');
      await redis.wipe();
      const second = await machines.startWorker();
      await machines.startWorker();
      await reached(machines, number * 0.3);
      await redis.kill();
      await sleep(500);
      expect((await api.call('GET', '/v1/dns/jobs')).status).toBe(503);
      await redis.start();
      await reached(machines, number * 0.6);
      second.process.signal('SIGKILL');
      await reached(machines, number);
      await expect.poll(async () => (await api.call('GET', '/v1/dns/jobs')).body, { timeout: patience }).toEqual(idle);

      const after = await zonesOf(machines);
      const steps = after.map(({ version, id }) => version - (before.find((zone) => zone.id === id)?.version ?? 0));
      expect(new Set(steps)).toEqual(new Set([1])); // each exactly once
      // A worker that is killed may have had signatures made that it could not publish any more.
      const most = number + 2 * concurrency;
      const calls = signCalls(machines) - signedBefore;
      expect(calls).toBeGreaterThanOrEqual(number);
      expect(calls).toBeLessThanOrEqual(most);
      expect(await faultsOfAll(api, names)).toEqual([]);
    },
  );
});

const notifyOpcode = 4;

/** A secondary that answers NOTIFY and writes down for which zones it came. */
async function listenForNotify(): Promise<AsyncDisposable & { readonly port: number; readonly told: string[] }> {
  const told: string[] = [];
  const socket = createSocket('udp4', (octets, { port, address }) => {
    const flags = octets.readUInt16BE(2);
    if (((flags >> 11) & 15) === notifyOpcode) told.push(...(decode(octets).questions ?? []).map(({ name }) => name));
    octets.writeUInt16BE(flags | 0x8000, 2); // QR
    socket.send(octets, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const close = () => new Promise<void>((resolve) => socket.close(() => resolve()));
  return { port: socket.address().port, told, [Symbol.asyncDispose]: close };
}

/** Make zones that share one key, some at a time. @returns the identity of the key */
async function makeZones({ kms, api }: Machines, names: readonly string[]): Promise<string> {
  const key = await kms.call('POST', '/v1/kms/nl-01/keys', { name: 'shared', keyType: 'ecdsa-p256' });
  const { identity: kmsKeyIdentity } = key.body as { identity: string };
  await sharedOut(names, async (zoneName) => {
    expect((await api.call('POST', '/v1/dns/zones', { zoneName })).status).toBe(201);
    const signing = { region: 'nl-01', kmsKeyIdentity };
    expect((await api.call('PUT', `/v1/dns/zones/${zoneName}/dnssec`, signing)).status).toBe(200);
  });
  return kmsKeyIdentity;
}

/** Make all zones but the first like that one. */
async function makeLike({ database }: Machines, [first = '', ...others]: readonly string[]): Promise<void> {
  const zones = await openZones(database.url);
  const store = openZoneStore(zones);
  const template = await store.findZoneByName(first);
  if (template === undefined) throw new Error(`there is no zone ${first}`);
  await cloneZones(store, template, others);
  await zones.close();
}

/** What is known of the versions of the keys that zones use. */
async function latestVersions({ database }: Machines): Promise<readonly (number | null)[]> {
  const zones = await openZones(database.url);
  const rows = await zones.rows<{ latest: number | null }>('SELECT DISTINCT latest FROM zone_kms_keys');
  await zones.close();
  return rows.map(({ latest }) => latest);
}

/** Let all signatures be due, as they are after some days. */
async function makeDue({ database }: Machines): Promise<void> {
  const zones = await openZones(database.url);
  await zones.write(
    ['zone_rrsets', 'zone_links', 'zones'].map((table) => ({
      sql: `UPDATE ${table} SET refresh_at = 1000${table === 'zones' ? ', due_at = 1000' : ''} WHERE refresh_at IS NOT NULL`,
      values: [],
    })),
  );
  await zones.close();
}

async function zonesOf({ database }: Machines): Promise<readonly { id: number; version: number; isDue: boolean }[]> {
  const zones = await openZones(database.url);
  const rows = await zones.rows<{ id: number; version: number; refresh_at: number }>(
    'SELECT id, version, refresh_at FROM zones ORDER BY id',
  );
  await zones.close();
  return rows.map(({ id, version, refresh_at: at }) => ({ id, version, isDue: at === 1000 }));
}

function openZones(url: string) {
  return openBehind(url, 'zones', migrations);
}

/** Wait until so many zones are re-signed. */
async function reached(machines: Machines, wanted: number): Promise<void> {
  const count = async () => (await zonesOf(machines)).filter(({ isDue }) => !isDue).length;
  await expect.poll(count, { timeout: patience + number * 100, interval: 50 }).toBeGreaterThanOrEqual(wanted);
}

/** How often the KMS was asked for signatures. */
function signCalls({ kms }: Machines): number {
  return kms.process.stderr().match(/"path":"[^"]*\/sign[^"]*"/g)?.length ?? 0;
}

/** Verify every zone as it is published. @returns what is wrong with them */
async function faultsOfAll(api: Zoneseal, names: readonly string[]): Promise<string[]> {
  const verifier = createThreadVerifier(1);
  const wrong: string[] = [];
  const verify = async (name: string): Promise<void> => {
    const { body } = await api.call('GET', `/v1/dns/zones/${name}/export?signed=true`);
    const { zoneFile } = body as { zoneFile: string };
    const pieces = (async function* () {
      yield new TextEncoder().encode(zoneFile);
    })();
    const source = await openZone(pieces, 'master', { fileName: name });
    const { faults } = await verifyZoneText(source, { at: Date.now() / 1000, anchors: [] }, verifier);
    const errors = faults.filter(({ severity }) => severity === 'error');
    wrong.push(...errors.map(({ message }) => `${name}: ${message}`));
  };
  try {
    await sharedOut(names, verify);
  } finally {
    await verifier.close();
  }
  return wrong;
}

/** Do something for each of many things, some at a time. */
async function sharedOut<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const item of left) await work(item);
    }),
  );
}
