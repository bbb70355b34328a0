import { expect, test } from 'vitest';
import { followWork } from '#dnssec/operations/zones/work-progress.ts';
import type { ZoneWork } from '#dnssec/ports-zones.ts';
import { FakeClock } from '#test/support/fake-clock.ts';

const start = 1_000_000;

/** Note what is written down of work on zone 7. */
function watched() {
  const clock = new FakeClock(start);
  const notes: (ZoneWork | undefined)[] = [];
  const store = {
    async noteWork(zoneId: number, work: ZoneWork | undefined) {
      expect(zoneId).toBe(7);
      notes.push(work);
    },
  };
  return { clock, notes, follow: (total: number) => followWork({ store, clock }, 7, total) };
}

test('work is written down once a second, and forgotten when it ends', async () => {
  const { clock, notes, follow } = watched();
  {
    await using progress = follow(1000);
    await progress.add(100);
    clock.advance(1);
    await progress.add(200);
    clock.advance(0.999);
    await progress.add(300);
    clock.advance(0.001);
    await progress.add(100);
  }
  const seen = { begunAt: start, total: 1000 };
  expect(notes).toEqual([
    { ...seen, at: start + 1000, done: 300 },
    { ...seen, at: start + 2000, done: 700 },
    undefined,
  ]);
});

test('work of a moment writes nothing', async () => {
  const { notes, follow } = watched();
  {
    await using progress = follow(3);
    await progress.add(3);
  }
  expect(notes).toEqual([]);
});

test('what a version has besides its contents does not make it more than done', async () => {
  const { clock, notes, follow } = watched();
  await using progress = follow(10);
  clock.advance(5);
  await progress.add(13);
  expect(notes).toMatchObject([{ done: 10, total: 10 }]);
});
