import { describe, expect, test } from 'vitest';
import { toXml } from 'xast-util-to-xml';
import type { Transition } from '#dnssec/core/rollover/advance.ts';
import { forecast, type PlannedTransition } from '#dnssec/core/rollover/forecast.ts';
import { goSecure, introduceKey, startRollover } from '#dnssec/core/rollover/goals.ts';
import {
  hiddenRecords,
  moveRecord,
  type RecordName,
  recordNames,
  type RolloverKey,
  type State,
} from '#dnssec/core/rollover/key-state.ts';
import { defaultRolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';
import { startTtls } from '#dnssec/core/rollover/ttl-history.ts';
import { drawTimeline } from '#dnssec/core/timeline/draw-timeline.ts';
import { composeTimeScale } from '#dnssec/core/timeline/time-scale.ts';
import { composeTimeline, type TimelineFacts, type TimelineKey } from '#dnssec/core/timeline/timeline.ts';
import { formatLength } from '#dnssec/core/timeline/timeline-words.ts';
import { findElements, textIn, type Tree, treeOf } from '#test/support/xml.ts';

const start = 1_800_000_000;
const key = (id = 'a', records: TimelineKey['records'] = hiddenRecords('csk', start)): TimelineKey => ({
  id,
  title: `Key ${id}`,
  detail: 'CSK',
  records,
});
const move = (record: RecordName, from: State, to: State, at: number, of = 'a'): Transition => ({
  key: of,
  record,
  from,
  to,
  at,
});
const plan = (transition: Transition, isAtTheEarliest = false): PlannedTransition => ({
  ...transition,
  isAtTheEarliest,
});
const facts = (given: Partial<TimelineFacts>): TimelineFacts => ({
  zone: 'example.',
  now: start,
  keys: [key()],
  past: [],
  planned: [],
  ...given,
});
const spansOf = (given: Partial<TimelineFacts>, record: RecordName) =>
  composeTimeline(facts(given)).keys[0]?.rows.find((row) => row.record === record)?.spans;

describe('the timeline of a key', () => {
  test('each state lasts until the next one, past and planned alike', () => {
    const past = [move('dnskey', 'hidden', 'rumoured', start - 100)];
    const planned = [plan(move('dnskey', 'rumoured', 'omnipresent', start + 50), true)];
    expect(spansOf({ past, planned }, 'dnskey')).toEqual([
      { state: 'hidden', to: start - 100, endsAtTheEarliest: false },
      { state: 'rumoured', from: start - 100, to: start + 50, endsAtTheEarliest: true },
      { state: 'omnipresent', from: start + 50, endsAtTheEarliest: false },
    ]);
  });

  test('a record that does not move stays as it is', () => {
    const records = { dnskey: { state: 'omnipresent', since: 5 } } as const;
    expect(spansOf({ keys: [key('a', records)] }, 'dnskey')).toEqual([
      { state: 'omnipresent', endsAtTheEarliest: false },
    ]);
  });

  test('records that the role does not have are not there', () => {
    const { keys } = composeTimeline(facts({ keys: [key('a', hiddenRecords('zsk', start))] }));
    expect(keys[0]?.rows.map(({ record }) => record)).toEqual(['dnskey', 'zrrsig']);
  });

  test('a state that is left in the same second is not shown', () => {
    const past = [move('ds', 'hidden', 'rumoured', start - 9), move('ds', 'rumoured', 'unretentive', start - 9)];
    expect(spansOf({ past }, 'ds')?.map(({ state }) => state)).toEqual(['hidden', 'unretentive']);
  });

  test('moments are those of its keys and now, once each, in order', () => {
    const past = [move('ds', 'hidden', 'rumoured', start - 9), move('dnskey', 'hidden', 'rumoured', start - 9)];
    const others = [move('dnskey', 'hidden', 'rumoured', start - 77, 'gone')];
    expect(composeTimeline(facts({ past: [...others, ...past] })).moments).toEqual([start - 9, start]);
  });

  test('of a long past the last dozen of times is shown, and what came before is how it began', () => {
    const past = Array.from({ length: 50 }, (_, index): Transition => {
      const [from, to] = index % 2 === 0 ? (['hidden', 'rumoured'] as const) : (['rumoured', 'hidden'] as const);
      return move('ds', from, to, start - 50 + index);
    });
    const { moments, keys } = composeTimeline(facts({ past }));
    expect(moments).toHaveLength(13);
    expect(moments[0]).toBe(start - 12);
    expect(keys[0]?.rows.find(({ record }) => record === 'ds')?.spans[0]).toMatchObject({
      state: 'hidden',
      to: start - 12,
    });
  });

  test('where the DS is to be added and removed is marked', () => {
    const past = [move('ds', 'hidden', 'rumoured', start - 9)];
    const planned = [
      plan(move('ds', 'rumoured', 'omnipresent', start + 1)),
      plan(move('ds', 'omnipresent', 'unretentive', start + 9)),
    ];
    expect(composeTimeline(facts({ past, planned })).keys[0]?.marks).toEqual([
      { at: start - 9, what: 'add' },
      { at: start + 9, what: 'remove' },
    ]);
  });
});

describe('the scale', () => {
  test('a longer time takes more room, and the shortest has room for a label', () => {
    const { at, width } = composeTimeScale([0, 1, 3601, 900_000]);
    const widths = [at(1) - at(0), at(3601) - at(1), at(900_000) - at(3601)];
    expect(widths).toEqual(widths.toSorted((left, right) => left - right));
    expect(widths[0]).toBeGreaterThanOrEqual(70);
    expect(width).toBeGreaterThan(at(900_000));
  });

  test('times between moments lie between them, others at the ends', () => {
    const { at, width } = composeTimeScale([10, 20]);
    expect(at(15)).toBe((at(10) + at(20)) / 2);
    expect([at(1), at(30)]).toEqual([0, width]);
  });

  test.each([
    [0, '0 s'],
    [59, '59 s'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
    [90_061, '1 d 1 h'],
    [86_460, '1 d'],
  ])('%i seconds are %s', (seconds, text) => expect(formatLength(seconds)).toBe(text));
});

/** Draw a rollover that is under way, as the engine foretells it. */
function drawn(zone = 'example.com.'): {
  readonly svg: string;
  readonly root: Tree;
  readonly planned: readonly PlannedTransition[];
} {
  const introduced = { algorithm: 13, role: 'csk' } as const;
  const [old, successor] = [
    introduceKey({ id: 'a', ...introduced }, start),
    introduceKey({ id: 'b', ...introduced }, start),
  ];
  const [settled] = goSecure(
    [recordNames.reduce((one, record) => moveRecord(one, record, 'omnipresent', 0), old)],
    ['a'],
  );
  const keys = startRollover([settled as RolloverKey, successor], 'a', 'b');
  const planned = forecast({
    keys,
    now: start,
    policy: defaultRolloverPolicy,
    ttls: startTtls(),
    parent: new Map([['a', { kind: 'everywhere', since: 0 }]]),
    mayUse: () => true,
  });
  const shown = keys.map(({ id, records }) => ({ id, title: `Key ${id}`, detail: 'CSK <13> & more', records }));
  const svg = toXml(drawTimeline(composeTimeline({ zone, now: start, keys: shown, past: [], planned })));
  return { svg, root: treeOf(svg), planned };
}

const numberOf = (tree: Tree, name: string): number => Number(tree.attributes[name]);

describe('the picture', () => {
  test('all of it is said in words: a title, a description of each key, a title of each bar', () => {
    const { root } = drawn();
    expect(root).toMatchObject({ name: 'svg', attributes: { role: 'img', xmlns: 'http://www.w3.org/2000/svg' } });
    const named = root.attributes['aria-labelledby']?.split(' ');
    expect(named).toEqual(['title', 'desc'].map((name) => findElements(root, name)[0]?.attributes['id']));
    expect(textIn(root, 'title')).toBe('Keys of example.com.');
    expect(textIn(root, 'desc')).toMatch(
      /Now is 2027-01-15 08:00 UTC\. Key a, CSK <13> & more: DNSKEY omnipresent until .*Key b, /,
    );
    const bars = findElements(root, 'rect').filter(({ attributes }) => attributes['class']?.startsWith('bar'));
    const onCards = bars.slice(0, -4); // the legend has four
    expect(onCards.length).toBeGreaterThan(8);
    for (const bar of onCards)
      expect(textIn(bar, 'title')).toMatch(/^(DNSKEY|RRSIG|DS).*: (rumoured|omnipresent|unretentive)/);
  });

  test('nothing of it comes from elsewhere, and it has colours for light and dark', () => {
    const { svg, root } = drawn();
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import|<script|href/);
    expect(textIn(root, 'style')).toContain('@media (prefers-color-scheme: dark)');
  });

  test('what is foretold begins now, and looks like it', () => {
    const { root } = drawn();
    const now = findElements(root, 'line').find(({ attributes }) => attributes['class'] === 'now') as Tree;
    const bars = findElements(root, 'rect').filter(({ attributes }) => attributes['class']?.endsWith(' planned'));
    expect(bars.length).toBeGreaterThan(8);
    for (const bar of bars.slice(0, -1)) expect(numberOf(bar, 'x')).toBeGreaterThanOrEqual(numberOf(now, 'x1'));
  });

  test('everything lies inside of the picture, and no two bars of a row overlap', () => {
    const { root } = drawn();
    const rows = new Map<number, [number, number][]>();
    for (const rect of findElements(root, 'rect')) {
      const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((name) => numberOf(rect, name) || 0) as [
        number,
        number,
        number,
        number,
      ];
      expect(x + width).toBeLessThanOrEqual(numberOf(root, 'width'));
      expect(y + height).toBeLessThanOrEqual(numberOf(root, 'height'));
      if (rect.attributes['class']?.startsWith('bar')) rows.set(y, [...(rows.get(y) ?? []), [x, x + width]]);
    }
    for (const bars of rows.values()) {
      const sorted = bars.toSorted(([left], [right]) => left - right);
      sorted.forEach(([from], index) => expect(from).toBeGreaterThanOrEqual(sorted[index - 1]?.[1] ?? 0));
    }
  });

  test('a plus and a minus stand where the parent is to add and to remove a DS', () => {
    const { root, planned } = drawn();
    const titles = findElements(root, 'title').map((title) => title.children[0]);
    const count = (what: string) =>
      titles.filter((title) => typeof title === 'string' && title.startsWith(`the DS is to be ${what}`)).length;
    const moves = (to: State) => planned.filter((one) => one.record === 'ds' && one.to === to).length;
    expect([count('added'), count('removed')]).toEqual([moves('rumoured'), moves('unretentive')]);
    expect(moves('rumoured')).toBeGreaterThan(0);
  });

  test('a name is never taken for markup', () => {
    expect(textIn(drawn('a<b>&"c.').root, 'title')).toBe('Keys of a<b>&"c.');
  });

  test('a zone without keys has a picture too', () => {
    const root = treeOf(toXml(drawTimeline(composeTimeline(facts({ keys: [] })))));
    expect(textIn(root, 'desc')).toBe('Now is 2027-01-15 08:00 UTC.');
  });
});
