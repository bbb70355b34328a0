import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Database } from '#database/database.ts';
import { JobLedger } from '#dnssec/adapters/jobs/ledger.ts';
import type { QueueSettings } from '#dnssec/adapters/jobs/queue-settings.ts';
import type { JobQueue } from '#dnssec/ports-jobs.ts';
import { systemClock } from '#lib/clock.ts';
import { eventually, isIdle, overlaps, watch } from '#test/support/job-watch.ts';

/** A place that keeps its jobs when the queue on it is closed and opened again. */
export interface QueuePlace extends AsyncDisposable {
  open(settings: QueueSettings): Promise<JobQueue>;
  /** Its database, behind the back of the queue. */
  openDatabase(): Promise<Database>;
}

/** Settings with which tests need not wait. */
export const quick: QueueSettings = {
  clock: systemClock,
  retries: { attempts: 3, first: 20, factor: 2, jitter: 0.5 },
  leaseTime: 2000,
  rate: 0,
  onError: (error, what) => {
    throw new Error(`${what} failed`, { cause: error });
  },
};

/** What a queue must do, whichever it is. */
export function jobQueueContract(name: string, makePlace: () => Promise<QueuePlace>): void {
  async function place() {
    const made = await makePlace();
    const opened = new Set<JobQueue>();
    onTestFinished(async () => {
      for (const queue of opened) await queue.close();
      await made[Symbol.asyncDispose]();
    });
    const close = async (queue: JobQueue) => {
      opened.delete(queue);
      await queue.close();
    };
    const open = async (settings: Partial<QueueSettings> = {}) => {
      const queue = await made.open({ ...quick, ...settings });
      opened.add(queue);
      return queue;
    };
    /** Take the lease of a zone as a worker does that dies then. */
    const dieWith = async (zoneId: number, milliseconds: number) => {
      await using database = disposable(await made.openDatabase());
      const ledger = new JobLedger(database.value);
      const now = Date.now();
      return await ledger.start({ zoneId, owner: `dead ${now}` }, now, now + milliseconds);
    };
    return { open, close, dieWith };
  }

  describe(`the job queue: ${name}`, () => {
    test('a job is run once, with its zone and its priority', async () => {
      const { open } = await place();
      const queue = await open();
      const log = watch(queue);
      await queue.put([{ zoneId: 7, priority: 'rotation' }]);
      await log.until(1);
      await isIdle(queue);
      expect(log.runs).toEqual([{ zoneId: 7, priority: 'rotation', attempt: 1 }]);
    });

    test('a zone that waits already is not put twice', async () => {
      const { open } = await place();
      const queue = await open();
      await queue.put([{ zoneId: 1, priority: 'refresh' }]);
      await queue.put([{ zoneId: 1, priority: 'refresh' }]);
      await queue.put([
        { zoneId: 1, priority: 'refresh' },
        { zoneId: 1, priority: 'refresh' },
      ]);
      expect(await queue.state()).toMatchObject({ waiting: 1, active: 0 });
      const log = watch(queue);
      await isIdle(queue);
      expect(log.runs).toHaveLength(1);
    });

    test('a zone that becomes due while it runs is run once more afterwards, however often it was put', async () => {
      const { open } = await place();
      const queue = await open();
      const gate = Promise.withResolvers<void>();
      const log = watch(queue, { run: (run) => (run === 1 ? gate.promise : Promise.resolve()) });
      await queue.put([{ zoneId: 1, priority: 'refresh' }]);
      await log.until(1);
      for (let again = 0; again < 3; again++) await queue.put([{ zoneId: 1, priority: 'rotation' }]);
      await sleep(50);
      expect(log.runs).toHaveLength(1);
      gate.resolve();
      await log.until(2);
      await isIdle(queue);
      expect(log.runs).toHaveLength(2);
      expect(log.mostOfOneZone()).toBe(1);
    });

    test('emergency starts before expiring, expiring before rotation, rotation before refresh', async () => {
      const { open } = await place();
      const queue = await open();
      await queue.put([
        { zoneId: 1, priority: 'refresh' },
        { zoneId: 2, priority: 'rotation' },
        { zoneId: 3, priority: 'expiring' },
      ]);
      await queue.put([
        { zoneId: 4, priority: 'emergency' },
        { zoneId: 5, priority: 'rotation' },
      ]);
      const log = watch(queue, { concurrency: 1 });
      await log.until(5);
      expect(log.runs.map(({ zoneId }) => zoneId)).toEqual([4, 3, 2, 5, 1]);
    });

    test('putting a zone that waits can raise its priority and cannot lower it', async () => {
      const { open } = await place();
      const queue = await open();
      await queue.put([1, 2, 3].map((zoneId) => ({ zoneId, priority: 'rotation' as const })));
      await queue.put([{ zoneId: 3, priority: 'emergency' }]);
      await queue.put([{ zoneId: 1, priority: 'refresh' }]);
      const log = watch(queue, { concurrency: 1 });
      await log.until(3);
      await isIdle(queue);
      expect(log.runs.map(({ zoneId, priority }) => `${zoneId} ${priority}`)).toEqual([
        '3 emergency',
        '1 rotation',
        '2 rotation',
      ]);
    });

    test('a failed job comes again, later each time, and is dead after its last attempt', async () => {
      const { open } = await place();
      const queue = await open();
      const log = watch(queue, { run: () => Promise.reject(new Error('the KMS is away')) });
      await queue.put([{ zoneId: 9, priority: 'expiring' }]);
      await log.until(3);
      await isIdle(queue);
      expect(log.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      const waits = log.failures.map(({ retryAfter }) => retryAfter);
      expect(waits[0]).toBeGreaterThanOrEqual(20);
      expect(waits[1]).toBeGreaterThanOrEqual(40);
      expect(waits[2]).toBeUndefined();
      expect(await queue.listDead(10)).toEqual([
        { zoneId: 9, priority: 'expiring', attempts: 3, error: 'the KMS is away', at: expect.any(Number) },
      ]);
      expect(await queue.state()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 1 });
    });

    test('a dead job that is tried again has all its attempts, and is forgotten when it ends well', async () => {
      const { open } = await place();
      const queue = await open();
      const log = watch(queue, { run: (run) => (run <= 5 ? Promise.reject(new Error('no')) : Promise.resolve()) });
      await queue.put([{ zoneId: 9, priority: 'expiring' }]);
      await log.until(3);
      await isIdle(queue);
      expect(await queue.retryDead([8])).toBe(0);
      expect(await queue.retryDead([9])).toBe(1);
      await log.until(6);
      await isIdle(queue);
      expect(log.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 2, 3]);
      expect(await queue.listDead(10)).toEqual([]);
    });

    test('dead jobs come in pages, and all of them can be tried again at once', async () => {
      const { open } = await place();
      const queue = await open({ retries: { ...quick.retries, attempts: 1 } });
      const zones = [11, 12, 13, 14, 15];
      const log = watch(queue, { run: (run) => (run <= 5 ? Promise.reject(new Error('no')) : Promise.resolve()) });
      await queue.put(zones.map((zoneId) => ({ zoneId, priority: 'refresh' })));
      await log.until(5);
      await isIdle(queue);
      const first = await queue.listDead(3);
      const rest = await queue.listDead(3, first.at(-1)?.zoneId);
      expect([...first, ...rest].map(({ zoneId }) => zoneId)).toEqual(zones);
      expect(await queue.retryDead()).toBe(5);
      await log.until(10);
      await isIdle(queue);
      expect((await queue.state()).dead).toBe(0);
    });

    test('a zone that waits for its next attempt is run at once when it is put', async () => {
      const { open } = await place();
      const queue = await open({ retries: { attempts: 3, first: 3_600_000, factor: 1, jitter: 0 } });
      const log = watch(queue, { run: (run) => (run === 1 ? Promise.reject(new Error('no')) : Promise.resolve()) });
      await queue.put([{ zoneId: 1, priority: 'refresh' }]);
      await log.until(1);
      await eventually(async () => expect(await queue.state()).toMatchObject({ delayed: 1, active: 0 }));
      await queue.put([{ zoneId: 1, priority: 'refresh' }]);
      await log.until(2);
      await isIdle(queue);
    });

    test('a paused queue starts nothing, also after it was opened again, and goes on when it is resumed', async () => {
      const { open, close } = await place();
      const before = await open();
      await before.pause();
      await before.pause();
      await close(before);
      const queue = await open();
      const log = watch(queue);
      await queue.epoch();
      await queue.put([{ zoneId: 1, priority: 'emergency' }]);
      await sleep(150);
      expect(log.runs).toEqual([]);
      expect(await queue.state()).toMatchObject({ waiting: 1, pausedAt: expect.any(Number) });
      await queue.resume();
      await log.until(1);
      expect(await queue.state()).not.toHaveProperty('pausedAt');
    });

    test('no more jobs run at the same time than a worker may', async () => {
      const { open } = await place();
      const queue = await open();
      const log = watch(queue, { concurrency: 3, run: () => sleep(40) });
      await queue.put(Array.from({ length: 30 }, (_, index) => ({ zoneId: index + 1, priority: 'refresh' })));
      await log.until(30);
      await isIdle(queue);
      expect(log.most()).toBe(3);
    });

    test('no more jobs start in a second than the rate lets them', async () => {
      const { open } = await place();
      const queue = await open({ rate: 10 });
      await queue.put(Array.from({ length: 25 }, (_, index) => ({ zoneId: index + 1, priority: 'refresh' })));
      const started = performance.now();
      const log = watch(queue, { concurrency: 25 });
      await log.until(25);
      expect(performance.now() - started).toBeGreaterThan(1000); // 10 at once, and 15 at ten a second
    });

    test('two workers share the jobs, and no zone is run by both at once', async () => {
      const { open } = await place();
      const [one, other] = [await open(), await open()];
      const logs = [one, other].map((queue) => watch(queue, { concurrency: 4, run: () => sleep(3) }));
      const zones = Array.from({ length: 60 }, (_, index) => index + 1);
      await one.put(zones.map((zoneId) => ({ zoneId, priority: 'refresh' })));
      await other.put(zones.map((zoneId) => ({ zoneId, priority: 'rotation' })));
      await eventually(() =>
        expect(new Set(logs.flatMap(({ runs }) => runs.map(({ zoneId }) => zoneId))).size).toBe(60),
      );
      await isIdle(one);
      for (const log of logs) expect(log.runs.length).toBeGreaterThan(0);
      expect(overlaps(logs.flatMap(({ spans }) => spans))).toEqual([]);
    });

    test('jobs that wait are still there when the queue is opened again', async () => {
      const { open, close } = await place();
      const before = await open();
      await before.put([{ zoneId: 3, priority: 'rotation' }]);
      await close(before);
      const log = watch(await open());
      await log.until(1);
      expect(log.runs).toMatchObject([{ zoneId: 3, priority: 'rotation' }]);
    });

    test('a worker that is stopped lets its jobs end, and starts no other', async () => {
      const { open } = await place();
      const queue = await open();
      const gate = Promise.withResolvers<void>();
      const log = watch(queue, { concurrency: 1, run: () => gate.promise });
      await queue.put([1, 2].map((zoneId) => ({ zoneId, priority: 'refresh' as const })));
      await log.until(1);
      const stopped = log.worker.stop();
      await sleep(30);
      gate.resolve();
      await stopped;
      expect(log.runs).toHaveLength(1);
      expect(log.spans).toHaveLength(1);
      expect(await queue.state()).toMatchObject({ waiting: 1, active: 0 });
    });

    test('a group counts each of its zones once, and its progress survives', async () => {
      const { open, close } = await place();
      const before = await open({ retries: { ...quick.retries, attempts: 1 } });
      const group = { id: 'rotation of k-1 to 2', title: 'Key k-1 was rotated' };
      await before.put(
        [1, 2, 3].map((zoneId) => ({ zoneId, priority: 'rotation' as const })),
        group,
      );
      await before.put(
        [3, 4].map((zoneId) => ({ zoneId, priority: 'rotation' as const })),
        group,
      );
      expect(await before.findGroup(group.id)).toMatchObject({ ...group, total: 4, open: 4, done: 0, failed: 0 });
      const log = watch(before, {
        run: (_, { zoneId }) => (zoneId === 2 ? Promise.reject(new Error('no')) : sleep(1)),
      });
      await log.until(4);
      await isIdle(before);
      await close(before);
      const queue = await open();
      const after = await queue.findGroup(group.id);
      expect(after).toMatchObject({ total: 4, open: 0, done: 3, failed: 1, endedAt: expect.any(Number) });
      expect(await queue.listGroups(10)).toEqual([after]);
      expect(await queue.findGroup('another')).toBeUndefined();
      const again = watch(queue);
      expect(await queue.retryDead()).toBe(1);
      await again.until(1);
      await isIdle(queue);
      expect(await queue.findGroup(group.id)).toMatchObject({ open: 0, done: 4, failed: 0 });
    });

    test('a zone that joins a group while it runs is done only with its next run', async () => {
      const { open } = await place();
      const queue = await open();
      const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
      const log = watch(queue, { run: (run) => gates[run - 1]?.promise ?? Promise.resolve() });
      await queue.put([{ zoneId: 1, priority: 'refresh' }]);
      await log.until(1);
      await queue.put([{ zoneId: 1, priority: 'rotation' }], { id: 'g', title: 'G' });
      gates[0].resolve();
      await log.until(2);
      expect(await queue.findGroup('g')).toMatchObject({ open: 1, done: 0 });
      gates[1].resolve();
      await isIdle(queue);
      expect(await queue.findGroup('g')).toMatchObject({ open: 0, done: 1 });
    });

    test('the job of a worker that died runs when its lease is over, and not before', async () => {
      const { open, dieWith } = await place();
      const queue = await open();
      expect(await dieWith(1, 1500)).toBe('started');
      const over = performance.now() + 1400; // the clocks of the two may tick apart
      const log = watch(queue);
      await queue.put([
        { zoneId: 1, priority: 'refresh' },
        { zoneId: 2, priority: 'refresh' },
      ]);
      await log.until(2);
      expect(performance.now()).toBeGreaterThan(over);
      expect(log.runs.map(({ zoneId }) => zoneId)).toEqual([2, 1]);
      await isIdle(queue);
    });

    test('a job that worker after worker dies of is dead in the end, and runs again when somebody wants it to', async () => {
      const { open, dieWith } = await place();
      const queue = await open();
      for (let start = 1; start <= 6; start++) expect(await dieWith(1, 0)).toBe('started');
      const log = watch(queue);
      await queue.put([{ zoneId: 1, priority: 'refresh' }]);
      await eventually(async () => expect(await queue.listDead(10)).toHaveLength(1));
      expect((await queue.listDead(10))[0]?.error).toMatch(/ended before they were through/);
      expect(log.runs).toEqual([]);
      await isIdle(queue);
      await queue.retryDead();
      await log.until(1);
      await isIdle(queue);
    });

    test('a long job keeps its lease', async () => {
      const { open } = await place();
      const [one, other] = [await open({ leaseTime: 300 }), await open({ leaseTime: 300 })];
      const logs = [one, other].map((queue) => watch(queue, { run: () => sleep(1000) }));
      await one.put([{ zoneId: 1, priority: 'refresh' }]);
      await sleep(500);
      await other.put([{ zoneId: 1, priority: 'refresh' }]);
      await eventually(() => expect(logs.flatMap(({ spans }) => spans)).toHaveLength(2));
      await isIdle(one);
      expect(overlaps(logs.flatMap(({ spans }) => spans))).toEqual([]);
    });
  });
}

function disposable(value: Database): AsyncDisposable & { readonly value: Database } {
  return { value, [Symbol.asyncDispose]: () => value.close() };
}
