import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import { advance } from '#dnssec/core/rollover/advance.ts';
import { adoptKey, introduceKey } from '#dnssec/core/rollover/goals.ts';
import { goalOf, isHidden, moveRecord, type RolloverKey, stateOf } from '#dnssec/core/rollover/key-state.ts';
import type { RolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';
import { testTimeout } from '#test/support/patience.ts';
import {
  established,
  RolloverWorld,
  type Server,
  type Signing,
  startOfWorld,
  statesOf,
} from '#test/support/rollover-world.ts';

const numRuns = Number(process.env['ZONESEAL_PROPERTY_RUNS'] ?? 2000);
const timeout = Math.max(testTimeout, numRuns * 20);

const seconds = (max: number) => fc.integer({ min: 0, max });
/** How far our clock may be ahead: as far as the safety margins go. */
const skew = 5;

const kskRollover = fc.constantFrom('double-ksk' as const, 'double-ds' as const);
const policies: fc.Arbitrary<RolloverPolicy> = fc.record({
  publishSafety: fc.constantFrom(skew, skew + 20),
  retireSafety: fc.constantFrom(skew, skew + 20),
  zonePropagation: seconds(20),
  parentPropagation: seconds(20),
  signatureValidity: fc.constantFrom(300, 1000),
  signatureRefresh: fc.constant(200),
  signatureJitter: fc.constant(0),
  kskRollover,
  algorithmRollover: fc.constantFrom('conservative' as const, 'liberal' as const),
});
const ttls = fc.record({ dnskey: seconds(100), zone: seconds(100), negative: seconds(100), ds: seconds(100) });

const keyKinds: readonly (readonly [Role, number])[] = [
  ['csk', 13],
  ['csk', 13],
  ['csk', 13],
  ['ksk', 13],
  ['ksk', 13],
  ['ksk', 13],
  ['zsk', 13],
  ['zsk', 13],
  ['zsk', 13],
  ['csk', 15],
  ['ksk', 15],
  ['zsk', 15],
];
const idOf = (index: number) => `${keyKinds[index]![0]}-${keyKinds[index]![1]}-${index}`;

/** What the zone starts with, by index into the kinds; and goals that a zone can come to rest at. */
const workable = [[], [0], [3, 6], [9], [10, 11], [0, 1], [1, 3, 6], [4, 7], [5, 8], [2], [0, 9]] as const;

const parentMoods = ['asked', 'before', 'none', 'both', 'lingering'] as const;
const events = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wake' as const), times: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: seconds(150) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), key: fc.nat({ max: keyKinds.length - 1 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('goals' as const), set: fc.constantFrom(...workable) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('standby' as const), key: fc.nat({ max: keyKinds.length - 1 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('parent' as const),
      server: fc.constantFrom('a' as const, 'b' as const),
      mood: fc.constantFrom(...parentMoods),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('ttl' as const),
      of: fc.constantFrom('dnskey' as const, 'zone' as const, 'negative' as const, 'ds' as const),
      ttl: seconds(200),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('policy' as const),
      kskRollover,
      safety: fc.constantFrom(skew, skew + 40),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('sign' as const), rrset: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('publish' as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prompt' as const), on: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      ahead: seconds(skew),
      back: fc.constantFrom(0, 0, 0, 300),
    }),
  },
);
type Event = typeof events extends fc.Arbitrary<infer One> ? One : never;

const histories = fc.record({
  start: fc.constantFrom(...workable),
  isAdopted: fc.boolean(),
  policy: policies,
  ttls,
  signing: fc.constantFrom<Signing>('at-once', 'by-and-by', 'smooth'),
  events: fc.array(events, { maxLength: 40 }),
  end: fc.constantFrom(...workable),
});

/** A key that the zone had elsewhere, and that signs the data from now on here. */
function adopted(key: RolloverKey): RolloverKey {
  const known: RolloverKey = { ...adoptKey(key, startOfWorld), goal: 'omnipresent' };
  return known.records.zrrsig === undefined ? known : moveRecord(known, 'zrrsig', 'rumoured', startOfWorld);
}

function worldOf({
  start,
  isAdopted,
  policy,
  ttls: firstTtls,
  signing,
}: {
  start: readonly number[];
  isAdopted: boolean;
  policy: RolloverPolicy;
  ttls: RolloverWorld['current'];
  signing: Signing;
}): RolloverWorld {
  const keys = keyKinds.map(([role, algorithm], index) => {
    const key = introduceKey({ id: idOf(index), role, algorithm }, 0);
    if (!start.includes(index)) return key;
    return isAdopted ? adopted(key) : established(key);
  });
  return new RolloverWorld({ keys, policy, ttls: firstTtls, signing });
}

function withGoals(keys: readonly RolloverKey[], staying: readonly number[]): readonly RolloverKey[] {
  return keys.map((key, index) => ({
    ...key,
    standby: false,
    goal: staying.includes(index) ? 'omnipresent' : 'hidden',
  }));
}

/** How far the clock was put back for good, in seconds. */
const clockBack = new WeakMap<RolloverWorld, number>();
const previous = new WeakMap<RolloverWorld, Record<Server, readonly string[]>>();

/**
 * The parent may be slow, do things by halves and go back and forth. It may drop all, but not put back what it was seen to
 * have dropped for good, nor drop alone what it was seen to have for good: against that no child can do anything.
 */
function letParentAct(world: RolloverWorld, server: Server, mood: (typeof parentMoods)[number]): void {
  const { wanted } = world.publication.ds;
  const has = world.dsSets[server];
  const before = previous.get(world)?.[server] ?? [];
  const sets = { asked: wanted, before, none: [], both: [...has, ...wanted], lingering: has };
  const next = [...new Set(sets[mood])];
  if (!isEndurable(world, next)) return;
  previous.set(world, { a: [], b: [], ...previous.get(world), [server]: has });
  world.setDs(server, next);
}

function isEndurable({ keys }: RolloverWorld, set: readonly string[]): boolean {
  if (set.length === 0) return true;
  const inSet = keys.filter((key) => set.includes(key.id));
  const areAllKnown = inSet.every((key) => stateOf(key, 'ds') !== 'hidden');
  const hasAllSettled = keys.every((key) => stateOf(key, 'ds') !== 'omnipresent' || set.includes(key.id));
  const isUsable = (key: RolloverKey) =>
    stateOf(key, 'ds') === 'omnipresent' ||
    (stateOf(key, 'dnskey') === 'omnipresent' && stateOf(key, 'krrsig') === 'omnipresent');
  const canAllVerify = inSet.every(({ algorithm }) =>
    inSet.some((key) => key.algorithm === algorithm && isUsable(key)),
  );
  return areAllKnown && hasAllSettled && canAllVerify;
}

function apply(world: RolloverWorld, event: Event): void {
  switch (event.kind) {
    case 'wake':
      for (let count = 0; count < event.times; count++) world.wake();
      break;
    case 'pass':
      world.passUntil(world.now + event.seconds);
      break;
    case 'turn':
      world.keys = world.keys.map((key, index) =>
        index === event.key ? { ...key, goal: key.goal === 'hidden' ? 'omnipresent' : 'hidden' } : key,
      );
      break;
    case 'goals':
      world.keys = withGoals(world.keys, event.set);
      break;
    case 'standby':
      world.keys = world.keys.map((key, index) =>
        index === event.key ? { ...key, standby: key.standby !== true } : key,
      );
      break;
    case 'parent':
      letParentAct(world, event.server, event.mood);
      break;
    case 'ttl':
      world.setTtl(event.of, event.ttl);
      break;
    case 'policy':
      world.policy = {
        ...world.policy,
        kskRollover: event.kskRollover,
        publishSafety: event.safety,
        retireSafety: event.safety,
      };
      break;
    case 'sign':
      world.signOne(event.rrset);
      break;
    case 'publish':
      world.isPublishing = event.on || world.signing === 'smooth';
      break;
    case 'prompt':
      world.isParentPrompt = event.on;
      break;
    case 'clock':
      clockBack.set(world, (clockBack.get(world) ?? 0) + event.back);
      world.clockAhead = event.ahead - (clockBack.get(world) ?? 0);
      break;
  }
}

type History = typeof histories extends fc.Arbitrary<infer One> ? One : never;

/** Play a history and then have everybody cooperate, and check after each event. */
function play(history: History, check: (world: RolloverWorld) => void) {
  const world = worldOf(history);
  world.isParentPrompt = false;
  world.onChange = () => {
    const fault = world.fault();
    if (fault !== undefined) throw new Error(`${fault} at ${world.now}: ${show(world)}`);
  };
  for (const event of history.events) {
    apply(world, event);
    world.step();
    check(world);
  }
  world.isPublishing = true;
  world.isParentPrompt = true;
  world.keys = withGoals(world.keys, history.end);
  world.step();
  for (let count = 0; world.signAll() || world.wake(); count++) {
    if (count > 200) throw new Error(`it never ends: ${show(world)}`);
    check(world);
  }
  return world;
}

test(
  'whatever happens, no mix of what resolvers hold is without a chain of trust, and once all cooperate the goals are reached',
  () => {
    fc.assert(
      fc.property(histories, (history) => {
        const world = play(history, () => {});
        expect(world.result?.waiting).toEqual([]);
        expect(world.keys.filter((key) => !isAtRest(key)).map(statesOf)).toEqual([]);
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  'the order of the keys changes nothing, and neither does asking again, from what was persisted',
  () => {
    fc.assert(
      fc.property(histories, fc.nat(), (history, turn) => {
        play(history, ({ input, result }) => {
          if (input === undefined || result === undefined) throw new Error('the world stood still');
          const keys = JSON.parse(JSON.stringify(result.keys)) as RolloverKey[];
          const by = turn % keys.length;
          const again = advance({ ...input, keys: [...keys.slice(by), ...keys.slice(0, by)].toReversed() });
          expect(again.transitions).toEqual([]);
          expect(again.keys.toSorted(byId)).toEqual(keys.toSorted(byId));
          const turned = advance({ ...input, keys: input.keys.toReversed() });
          expect({ ...turned, keys: turned.keys.toReversed() }).toEqual(result);
        });
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  },
  timeout,
);

const byId = (one: RolloverKey, other: RolloverKey) => (one.id < other.id ? -1 : 1);

function isAtRest(key: RolloverKey): boolean {
  return (Object.keys(key.records) as (keyof RolloverKey['records'])[]).every(
    (record) => stateOf(key, record) === goalOf(key, record),
  );
}

function show(world: RolloverWorld): string {
  return world.keys
    .filter((key) => key.goal === 'omnipresent' || !isHidden(key))
    .map((key) => `${key.id}>${key.goal[0]} ${statesOf(key)}`)
    .join(', ');
}
