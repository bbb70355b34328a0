import { describe, expect, test } from 'vitest';
import { restOf, urgencyOf } from '#dnssec/core/managed/urgency.ts';
import { replaceAtOnce } from '#dnssec/core/rollover/emergency.ts';
import { introduceKey } from '#dnssec/core/rollover/goals.ts';
import type { RolloverKey } from '#dnssec/core/rollover/key-state.ts';
import { startTtls } from '#dnssec/core/rollover/ttl-history.ts';
import { JobFeeder } from '#dnssec/operations/zones/feed-jobs.ts';
import type { ZoneJob } from '#dnssec/ports-jobs.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { established, tightPolicy } from '#test/support/rollover-world.ts';

/** A store and a queue with nothing but what the feeder looks at. */
function makeWorld() {
  const clock = new FakeClock();
  const due = new Map<number, number>();
  const put: ZoneJob[][] = [];
  let epoch = 'first';
  let isAway = false;
  const feeder = new JobFeeder({
    clock,
    store: {
      dueZones: async (before, limit) =>
        [...due]
          .filter(([, at]) => at <= before)
          .toSorted((one, other) => one[1] - other[1])
          .slice(0, limit)
          .map(([id, dueAt]) => ({ id, dueAt })),
      readZones: async (ids) => ids.map((id) => ({ id }) as ManagedZone),
    },
    queue: {
      epoch: async () => epoch,
      async put(jobs) {
        if (isAway) throw new Error('Redis is away');
        put.push([...jobs]);
      },
    },
  });
  const now = () => Math.floor(clock.now() / 1000);
  return {
    clock,
    due,
    now,
    feeder,
    /** Zones that were put since the last look. */
    fed: () => put.splice(0).flatMap((jobs) => jobs.map(({ zoneId }) => zoneId)),
    wipe: () => (epoch = `${epoch}'`),
    away: (value: boolean) => (isAway = value),
  };
}

describe('the feeder', () => {
  test('puts a zone when it is due, and once while it stays due', async () => {
    const { clock, due, now, feeder, fed } = makeWorld();
    due.set(1, now()).set(2, now() + 5);
    await feeder.feed();
    await feeder.feed();
    expect(fed()).toEqual([1]);
    clock.advance(5);
    await feeder.feed();
    expect(fed()).toEqual([2]);
  });

  test('puts a zone again that was tended and became due anew', async () => {
    const { clock, due, now, feeder, fed } = makeWorld();
    due.set(1, now());
    await feeder.feed();
    due.set(1, now() + 10);
    clock.advance(10);
    await feeder.feed();
    expect(fed()).toEqual([1, 1]);
  });

  test('puts everything again once the queue may have forgotten it', async () => {
    const { due, now, feeder, fed, wipe } = makeWorld();
    due.set(1, now()).set(2, now());
    await feeder.feed();
    wipe();
    await feeder.feed();
    expect(fed()).toEqual([1, 2, 1, 2]);
  });

  test('does not trust the queue for longer than a minute', async () => {
    const { clock, due, now, feeder, fed } = makeWorld();
    due.set(1, now());
    await feeder.feed();
    clock.advance(59);
    await feeder.feed();
    expect(fed()).toEqual([1]);
    clock.advance(1);
    await feeder.feed();
    expect(fed()).toEqual([1]);
  });

  test('makes up for a put that failed', async () => {
    const { due, now, feeder, fed, away } = makeWorld();
    due.set(1, now());
    away(true);
    await expect(feeder.feed()).rejects.toThrow('Redis is away');
    away(false);
    await feeder.feed();
    expect(fed()).toEqual([1]);
  });

  test('gets to all zones, however many are due: those that are done make room', async () => {
    const { due, now, feeder, fed } = makeWorld();
    for (let zone = 1; zone <= 2500; zone++) due.set(zone, now() - 2500 + zone);
    const seen = new Set<number>();
    for (let round = 0; round < 3; round++) {
      await feeder.feed();
      for (const zone of fed()) {
        seen.add(zone);
        due.delete(zone);
      }
    }
    expect(seen.size).toBe(2500);
  });
});

describe('how urgent a zone is', () => {
  const day = 86_400;
  const key = (id: string): RolloverKey => introduceKey({ id, role: 'csk', algorithm: 13 }, 0);
  const signedBy = (keys: readonly RolloverKey[], refresh = 5 * day) => ({
    keys,
    policy: { refresh, algorithmRollover: 'conservative' as const },
  });
  const signing = signedBy([established(key('a'))]);

  test('where no signature is due it is a matter of its keys', () => {
    expect(urgencyOf({ signing }, 100)).toBe('rotation');
    expect(urgencyOf({ signing, refreshAt: 101 }, 100)).toBe('rotation');
  });

  test('signatures are expiring once half of the time for their renewal has passed', () => {
    expect(urgencyOf({ signing, refreshAt: 100 }, 100)).toBe('refresh');
    expect(urgencyOf({ signing, refreshAt: 100 }, 99 + 2.5 * day)).toBe('refresh');
    expect(urgencyOf({ signing, refreshAt: 100 }, 100 + 2.5 * day)).toBe('expiring');
  });

  test('a zone is an emergency while some resolvers may find no chain of trust', () => {
    const ttls = startTtls({ dnskey: 100, zone: 300, negative: 50, ds: 200 });
    const facts = { keys: [established(key('a')), key('b')], policy: tightPolicy, ttls, parent: new Map() };
    const { keys } = replaceAtOnce('a', 'b', 100, facts);
    expect(urgencyOf({ signing: signedBy(keys) }, 100)).toBe('emergency');
    expect(urgencyOf({ signing: signedBy([key('a')]) }, 100)).toBe('rotation'); // going secure: nobody has a DS
  });

  test('after its last attempt a zone rests an hour at most, and less where signatures are short-lived', () => {
    expect(restOf({ signing })).toBe(3600);
    expect(restOf({ signing: signedBy([], 4 * 3600) })).toBe(900);
    expect(restOf({ signing: signedBy([], 60) })).toBe(60);
    expect(restOf({})).toBe(3600);
  });
});
