import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openJobDatabase } from '#dnssec/adapters/jobs/job-database.ts';
import { openQueue } from '#dnssec/adapters/jobs/open-queue.ts';
import type { JobQueue } from '#dnssec/ports-jobs.ts';
import { SecretText } from '#lib/secret-text.ts';
import { jobQueueContract, quick } from '#test/contract/dnssec/job-queue.ts';
import { eventually, isIdle, overlaps, watch } from '#test/support/job-watch.ts';
import { describeWith } from '#test/support/requirements.ts';
import { startRestartableRedis } from '#test/support/restartable-redis.ts';
import { type PrivateDatabase, startRedis } from '#test/support/servers.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

describeWith(['redis-server', 'redis-cli'], 'the queue on Redis', () => {
  let server: PrivateDatabase;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  let number = 0;

  jobQueueContract('BullMQ', async () => {
    const dir = makeTempDir();
    const place = { kind: 'folder', path: dir.path } as const;
    const redis = { url: new SecretText(server.url), prefix: `contract-${++number}` };
    return {
      open: (settings) => openQueue({ ...settings, place, redis }),
      openDatabase: () => openJobDatabase(place, () => undefined),
      [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
    };
  });

  test('a zone that runs while Redis is wiped is not run by another worker at the same time', async () => {
    const { server: redis, open } = await ownRedis();
    const [one, other] = [await open(), await open()];
    const logs = [one, other].map((queue) => watch(queue, { concurrency: 4, run: () => sleep(400) }));
    const zones = [1, 2, 3, 4, 5, 6].map((zoneId) => ({ zoneId, priority: 'refresh' as const }));
    await one.put(zones);
    await eventually(() => expect(logs.flatMap(({ runs }) => runs).length).toBeGreaterThanOrEqual(4));
    const before = await one.epoch();
    await redis.wipe();
    expect(await one.epoch()).not.toBe(before);
    await other.put(zones);
    await eventually(async () => expect(await other.state()).toMatchObject({ waiting: 0, delayed: 0, active: 0 }));
    expect(overlaps(logs.flatMap(({ spans }) => spans))).toEqual([]);
    expect(new Set(logs.flatMap(({ spans }) => spans.map(({ zoneId }) => zoneId))).size).toBe(6);
  });

  test('a pause outlives a wipe of Redis', async () => {
    const { server: redis, open } = await ownRedis();
    const queue = await open();
    const log = watch(queue);
    await queue.pause();
    await redis.wipe();
    await queue.epoch();
    await queue.put([{ zoneId: 1, priority: 'refresh' }]);
    await sleep(100);
    expect(log.runs).toEqual([]);
    await queue.resume();
    await isIdle(queue);
    expect(log.runs).toHaveLength(1);
  });

  test('while Redis is away calls fail soon, one error is told, and workers go on when it is back', async () => {
    const { server: redis, open } = await ownRedis();
    const errors: unknown[] = [];
    const queue = await open((error) => errors.push(error));
    const log = watch(queue);
    await queue.put([{ zoneId: 1, priority: 'refresh' }]);
    await log.until(1);
    await isIdle(queue);
    const before = await queue.epoch();
    await redis.kill();
    const asked = performance.now();
    await expect(queue.put([{ zoneId: 2, priority: 'refresh' }])).rejects.toMatchObject({ code: 'unavailable' });
    await expect(queue.epoch()).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - asked).toBeLessThan(20_000);
    await sleep(3000);
    expect(errors.length).toBeLessThanOrEqual(2); // one of the calls, one of the worker
    await redis.start();
    await eventually(async () => expect(await queue.epoch()).not.toBe(before));
    await queue.put([{ zoneId: 2, priority: 'refresh' }]);
    await log.until(2);
    await isIdle(queue);
  });

  test('a queue whose Redis is away can be opened and closed', async () => {
    const { server: redis, open } = await ownRedis();
    await redis.kill();
    const queue = await open();
    watch(queue);
    await expect(queue.state()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

/** A Redis of one test, and queues on it. */
async function ownRedis() {
  const dir = makeTempDir();
  const place = { kind: 'folder', path: dir.path } as const;
  const server = await startRestartableRedis();
  const queues: JobQueue[] = [];
  onTestFinished(async () => {
    for (const queue of queues) await queue.close();
    await server[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });
  const open = async (onError: (error: unknown) => void = () => undefined): Promise<JobQueue> => {
    const redis = { url: new SecretText(server.url), prefix: 'own' };
    const queue = await openQueue({ ...quick, onError, place, redis });
    queues.push(queue);
    return queue;
  };
  return { server, open };
}
