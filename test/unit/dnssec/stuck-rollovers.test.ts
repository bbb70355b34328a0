import { describe, expect, test } from 'vitest';
import {
  defaultPolicy,
  type RolloverWait,
  type SigningKey,
  type ZoneSigning,
} from '#dnssec/core/managed/signing-state.ts';
import { noteObstacles, type Obstacle, obstaclesOf } from '#dnssec/core/managed/stuck.ts';
import { dueTime, waitBound, type ZoneStep } from '#dnssec/core/managed/zone-rollover.ts';
import { hiddenRecords } from '#dnssec/core/rollover/key-state.ts';

const now = 1_800_000_000;
const day = 86_400;
const kinds: readonly RolloverWait['kind'][] = ['parent', 'human', 'signing'];

const obstacle = (kind: RolloverWait['kind']): Obstacle => ({
  name: kind,
  kind,
  text: 'why',
  details: { record: 'ds' },
});

/** Look at one obstacle at several times, in seconds. @returns how many events each look made */
function look(kind: RolloverWait['kind'], times: readonly (number | 'gone')[]): number[] {
  let waits: Readonly<Record<string, RolloverWait>> = {};
  return times.map((time) => {
    const obstacles = time === 'gone' ? [] : [obstacle(kind)];
    const noted = noteObstacles({ waits, policy: defaultPolicy }, obstacles, (time === 'gone' ? now : time) * 1000);
    waits = noted.waits;
    return noted.events.length;
  });
}

describe('a rollover is told to be stuck', () => {
  test.each(kinds)('by a wait for %s, at its bound, not a second before, and once', (kind) => {
    const bound = now + waitBound(kind, defaultPolicy);
    expect(look(kind, [now, bound - 1, bound, bound + 1, bound + 9 * day])).toEqual([0, 0, 1, 0, 0]);
  });

  test('again when what was in the way had gone and came back for as long', () => {
    const bound = waitBound('human', defaultPolicy);
    expect(look('human', [now, now + bound, 'gone', now + 2 * bound, now + 3 * bound])).toEqual([0, 1, 0, 0, 1]);
  });

  test('with since when, and what it waits for', () => {
    const waits = { parent: { kind: 'parent', since: now - 10 * day } } as const;
    const { events } = noteObstacles({ waits, policy: defaultPolicy }, [obstacle('parent')], now * 1000);
    expect(events).toMatchObject([
      { kind: 'rollover-stuck', at: now * 1000, details: { record: 'ds', since: now - 10 * day, seconds: 10 * day } },
    ]);
    expect(events[0]?.text).toContain('why');
  });
});

test('a parent is given the time that its DS needs to be everywhere on top', () => {
  const policy = { ...defaultPolicy, parentDsTtl: 7, parentPropagationDelay: 5 };
  expect(waitBound('parent', policy) - waitBound('human', policy)).toBe(12);
});

test('the zone is due when its first wait is too long, as long as that was not told', () => {
  const due = (waits: ZoneSigning['waits'] & {}) =>
    dueTime({
      signing: { policy: defaultPolicy, round: { kind: 'done', at: now }, waits } as unknown as ZoneSigning,
      refreshAt: now + 99 * day,
    });
  const later: RolloverWait = { kind: 'human', since: now + day };
  expect(due({ one: later, other: { kind: 'human', since: now } })).toBe(now + 3 * day);
  expect(due({ one: later, other: { kind: 'human', since: now, isTold: true } })).toBe(now + 4 * day);
  expect(due({})).toBe(now + 99 * day);
});

test('what waits for time, safety or the order of steps is in nobody’s hands, and not stuck', () => {
  const key = { id: 'k', keyTag: 1, role: 'csk', algorithm: 13, records: hiddenRecords('csk', now) } as SigningKey;
  const all = ['time', 'safety', 'policy', 'publication', 'parent', 'human'] as const;
  const waiting: ZoneStep['waiting'] = all.map((kind) => ({
    key: 'k',
    record: 'ds',
    to: 'omnipresent',
    reason: { kind, text: 'why' },
  }));
  expect(obstaclesOf({ keys: [key] }, waiting).map(({ kind }) => kind)).toEqual(['parent', 'human']);
});
