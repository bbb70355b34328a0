import { describe, expect, test } from 'vitest';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import { advance, type AdvanceInput, type AdvanceResult } from '#dnssec/core/rollover/advance.ts';
import { goInsecure, introduceKey, replaceKeys, startRollover } from '#dnssec/core/rollover/goals.ts';
import { moveRecord, type RecordName, type RolloverKey } from '#dnssec/core/rollover/key-state.ts';
import { assertRolloverPolicy, defaultRolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';
import { isCovered, overlapOf } from '#dnssec/core/rollover/spans.ts';
import { forgottenAt, noteTtl, startTtls } from '#dnssec/core/rollover/ttl-history.ts';
import { established, RolloverWorld, statesOf, tightPolicy } from '#test/support/rollover-world.ts';

const now = 1_000_000;
const ttls = { dnskey: 100, zone: 300, negative: 50, ds: 200 };

const key = (id: string, role: Role, algorithm = 13): RolloverKey => introduceKey({ id, role, algorithm }, 0);
const old = (id: string, role: Role, algorithm = 13): RolloverKey => established(key(id, role, algorithm));

function run(keys: readonly RolloverKey[], input: Partial<AdvanceInput> = {}): AdvanceResult {
  return advance({
    keys,
    now,
    policy: tightPolicy,
    ttls: startTtls(ttls),
    parent: new Map(),
    mayUse: () => true,
    ...input,
  });
}

function worldOf(keys: readonly RolloverKey[]): RolloverWorld {
  return new RolloverWorld({ keys, policy: tightPolicy, ttls, signing: 'at-once' });
}

function states(result: { keys: readonly RolloverKey[] }): Record<string, string> {
  return Object.fromEntries(result.keys.map((one) => [one.id, statesOf(one)]));
}

function moved(
  one: RolloverKey,
  ...moves: (readonly [RecordName, 'rumoured' | 'unretentive' | 'omnipresent', number])[]
) {
  return moves.reduce((result, [record, to, at]) => moveRecord(result, record, to, at), one);
}

function reasonOf(result: AdvanceResult, id: string, record: RecordName) {
  return result.waiting.find((one) => one.key === id && one.record === record)?.reason;
}

describe('time', () => {
  test('the largest TTL of the past counts for as long as it was given out before the change', () => {
    const lowered = noteTtl([{ ttl: 1000 }], 10, 500, 0);
    expect(forgottenAt(lowered, 400)).toBe(1400);
    expect(forgottenAt(lowered, 600)).toBe(1500);
    expect(forgottenAt(lowered, 1495)).toBe(1505);
    const raised = noteTtl(lowered, 5000, 700, 0);
    expect(forgottenAt(raised, 710)).toBe(5710);
    expect(noteTtl(raised, 5000, 1499, 0)).toEqual([{ ttl: 1000, until: 500 }, { ttl: 5000 }]);
  });

  test('a TTL that was lowered is remembered while propagation and safety may still need it', () => {
    const history = noteTtl([{ ttl: 1000 }], 10, 500, 0);
    expect(noteTtl(history, 10, 1509, 10)).toHaveLength(2);
    expect(noteTtl(history, 10, 1510, 10)).toHaveLength(1);
  });

  test('the first DNSKEY waits for the denials of it, and a further one does not', () => {
    const slow = startTtls({ ...ttls, negative: 5000 });
    const first = run([{ ...key('a', 'csk'), goal: 'omnipresent' }], { ttls: slow });
    expect(reasonOf(first, 'a', 'dnskey')?.until).toBe(now + 5000 + tightPolicy.zonePropagation);
    const further = run([old('a', 'csk'), { ...key('b', 'csk'), goal: 'omnipresent' }], { ttls: slow });
    expect(reasonOf(further, 'b', 'dnskey')?.until).toBe(now + 100 + tightPolicy.zonePropagation);
  });

  test('safety margins come on top, for publication and for withdrawal', () => {
    const policy = { ...tightPolicy, publishSafety: 1000, retireSafety: 2000 };
    const keys = startRollover([old('k', 'ksk'), old('a', 'zsk'), key('b', 'zsk')], 'a', 'b');
    const published = run(keys, { policy });
    expect(published.wakeAt).toBe(now + 107 + 1000);
    const switched = run(published.keys, { policy, now: now + 1107 });
    expect(switched.wakeAt).toBe(now + 1107 + 1000 + 307 + 2000);
  });

  test('a change is stamped later than all before it, though the clock went back', () => {
    const keys = startRollover(
      [old('k', 'ksk'), moved(old('a', 'zsk'), ['zrrsig', 'unretentive', now + 500]), key('b', 'zsk')],
      'a',
      'b',
    );
    expect(run(keys).transitions).toEqual([
      { key: 'b', record: 'dnskey', from: 'hidden', to: 'rumoured', at: now + 501 },
    ]);
  });

  test('a DNSKEY that no published version holds yet is not waited for by the clock', () => {
    const keys = startRollover([old('k', 'ksk'), old('a', 'zsk'), key('b', 'zsk')], 'a', 'b');
    const { keys: persisted } = run(keys, { zone: new Map() });
    const later = run(persisted, { zone: new Map(), now: now + 99_999 });
    expect(reasonOf(later, 'b', 'dnskey')?.kind).toBe('publication');
    const seen = run(persisted, {
      zone: new Map([['b', { dnskey: { kind: 'everywhere', since: now + 90_000 } }]]),
      now: now + 90_100,
    });
    expect(reasonOf(seen, 'b', 'dnskey')).toMatchObject({ kind: 'time', until: now + 90_107 });
  });
});

describe('safety', () => {
  test('spans that touch cover a time together, and a gap of a second does not', () => {
    expect(isCovered({}, [{ from: 10, to: 20 }, { from: 20 }, { to: 10 }])).toBe(true);
    expect(isCovered({}, [{ to: 10 }, { from: 11 }])).toBe(false);
    expect(isCovered({ from: 3, to: 9 }, [{ from: 2, to: 9 }])).toBe(true);
    expect(isCovered({ from: 3, to: 10 }, [{ from: 2, to: 9 }])).toBe(false);
    expect(isCovered({}, [])).toBe(false);
    expect(overlapOf([{ to: 10 }, { from: 20 }], [{ from: 5, to: 25 }])).toEqual([
      { from: 5, to: 10 },
      { from: 20, to: 25 },
    ]);
  });

  test('a key that signed for a moment between two others keeps its DNSKEY as long as its signatures are kept', () => {
    const world = worldOf([old('k', 'ksk'), old('a', 'zsk'), key('b', 'zsk'), key('c', 'zsk')]);
    world.keys = world.keys.map((one) => (one.id === 'k' ? one : { ...one, goal: 'omnipresent' }));
    world.keys = startRollover(world.keys, 'a', 'b').map((one) => (one.id === 'c' ? { ...one, standby: true } : one));
    world.step();
    world.wake();
    expect(states(world)).toEqual({ k: 'o-oo', a: 'ou--', b: 'or--', c: 'oh--' });
    world.passUntil(world.now + 10);
    world.keys = startRollover(world.keys, 'b', 'c');
    world.step();
    expect(states(world)).toEqual({ k: 'o-oo', a: 'ou--', b: 'ou--', c: 'or--' });
    while (world.wake()) expect(world.fault()).toBeUndefined();
    expect(states(world)).toEqual({ k: 'o-oo', a: 'hh--', b: 'hh--', c: 'oo--' });
  });

  test('a switch that is turned round is undone at once', () => {
    const world = worldOf([old('k', 'ksk'), old('a', 'zsk'), key('b', 'zsk')]);
    world.keys = startRollover(world.keys, 'a', 'b');
    world.step();
    world.wake();
    world.passUntil(world.now + 10);
    for (const [from, to, expected] of [
      ['b', 'a', { a: 'or--', b: 'ou--' }],
      ['a', 'b', { a: 'ou--', b: 'or--' }],
      ['b', 'a', { a: 'or--', b: 'ou--' }],
    ] as const) {
      world.passUntil(world.now + 10);
      world.keys = startRollover(world.keys, from, to);
      world.step();
      expect(states(world)).toEqual({ k: 'o-oo', ...expected });
      expect(world.fault()).toBeUndefined();
    }
  });

  test('what is to be withdrawn and cannot be yet becomes known to all, and then lets the rest go', () => {
    const zsk = moved(old('z', 'zsk'), ['zrrsig', 'unretentive', now - 10]);
    const csk = moved({ ...key('c', 'csk') }, ['dnskey', 'omnipresent', 0], ['zrrsig', 'rumoured', now - 10]);
    const leaving = [csk, zsk].map((one): RolloverKey => ({ ...one, goal: 'hidden' }));
    const blocked = run([old('n', 'csk', 15), ...leaving]);
    expect(reasonOf(blocked, 'c', 'zrrsig')?.kind).toBe('safety');
    expect(blocked.wakeAt).toBe(now - 10 + 1000 + 307);
    const done = run(blocked.keys, { now: blocked.wakeAt! });
    expect(states(done)).toEqual({ n: 'oooo', c: 'uohh', z: 'uh--' });
  });

  test('nothing is withdrawn from a zone whose chain of trust is broken already', () => {
    const keys = [old('a', 'csk'), old('b', 'csk')].map((one) => moved(one, ['dnskey', 'rumoured', now - 1]));
    const result = run([keys[0]!, { ...keys[1]!, goal: 'hidden' }]);
    expect(result.transitions).toEqual([]);
    expect(reasonOf(result, 'b', 'zrrsig')?.kind).toBe('safety');
  });

  test('a secure zone is not left without a DS unless it is to be insecure', () => {
    const keys = [old('a', 'csk'), { ...key('b', 'csk', 15), goal: 'omnipresent' } as const];
    const leaving = replaceKeys(keys, ['a'], ['b']);
    expect(reasonOf(run(leaving), 'a', 'ds')?.text).toBe('the parent would be left without a DS');
    expect(run(goInsecure(leaving)).transitions[0]).toMatchObject({ key: 'a', record: 'ds', to: 'unretentive' });
  });
});

describe('the parent', () => {
  const swapped = (algorithm: number) =>
    replaceKeys(
      [
        moved(old('a', 'csk'), ['ds', 'unretentive', now - 1000]),
        moved(old('b', 'csk', algorithm), ['ds', 'rumoured', now - 1000]),
      ],
      ['a'],
      ['b'],
    );
  const sightings = (a: AdvanceInput['parent'], result = swapped(13)) => run(result, { parent: a });
  const everywhere = (since: number) => ({ kind: 'everywhere', since }) as const;

  test('a DS is known to all only when it was at all servers of the parent for its TTL', () => {
    expect(reasonOf(sightings(new Map()), 'b', 'ds')?.kind).toBe('parent');
    expect(reasonOf(sightings(new Map([['b', { kind: 'somewhere' }]])), 'b', 'ds')?.kind).toBe('parent');
    expect(reasonOf(sightings(new Map([['b', everywhere(now - 210)]])), 'b', 'ds')?.until).toBe(now + 1);
    expect(states(sightings(new Map([['b', everywhere(now - 211)]])))['b']).toBe('oooo');
  });

  test('a DS that was there before we asked for it counts from when we asked', () => {
    const early = new Map([['b', everywhere(1)]]);
    const keys = swapped(13).map((one) => (one.id === 'b' ? moved(one, ['ds', 'rumoured', now - 5]) : one));
    expect(reasonOf(sightings(early, keys), 'b', 'ds')?.until).toBe(now - 5 + 211);
  });

  test('a key retires once the new DS is everywhere, though the old one lingers', () => {
    const parent = new Map([
      ['b', everywhere(now - 211)],
      ['a', everywhere(1)],
    ]);
    const result = sightings(parent);
    expect(states(result)['a']).toBe('uuuu');
    expect(reasonOf(result, 'a', 'ds')?.kind).toBe('parent');
  });

  test('an algorithm retires only when its DS is gone', () => {
    const parent = new Map([
      ['b', everywhere(now - 211)],
      ['a', everywhere(1)],
    ]);
    expect(states(sightings(parent, swapped(15)))['a']).toBe('ooou');
    parent.set('a', { kind: 'nowhere', since: now - 211 } as never);
    expect(states(sightings(parent, swapped(15)))['a']).toBe('uouh');
  });

  test('a DS that the parent lost is not counted on', () => {
    const result = run([old('a', 'csk')], { parent: new Map([['a', { kind: 'somewhere' }]]) });
    expect(result.transitions).toEqual([{ key: 'a', record: 'ds', from: 'omnipresent', to: 'rumoured', at: now }]);
    expect(run([old('a', 'csk')]).transitions).toEqual([]);
  });

  test('a DS that nobody asked for keeps its DNSKEY in the zone until it is gone', () => {
    const keys = [old('a', 'csk'), moved({ ...key('b', 'csk') }, ['dnskey', 'omnipresent', 0])];
    const withheld = keys.map((one) => (one.id === 'a' ? moved(one, ['krrsig', 'rumoured', now - 1]) : one));
    const result = run(withheld, { parent: new Map([['b', { kind: 'somewhere' }]]) });
    expect(states(result)['b']).toBe('ohhu');
    expect(reasonOf(result, 'b', 'dnskey')?.kind).toBe('safety');
  });
});

describe('gates', () => {
  const keys = startRollover([old('k', 'ksk'), old('a', 'zsk'), key('b', 'zsk')], 'a', 'b');

  test('a key that has not passed its self-test is not published', () => {
    const result = run(keys, { mayUse: ({ id }) => id !== 'b' });
    expect(result.transitions).toEqual([]);
    expect(reasonOf(result, 'b', 'dnskey')).toEqual({ kind: 'policy', text: 'the key has not passed its self-test' });
  });

  test('a person can hold back a publication and a withdrawal, but not what time does', () => {
    const held = run(keys, { humanGate: () => false });
    expect(held.transitions).toEqual([]);
    expect(reasonOf(held, 'b', 'dnskey')?.kind).toBe('human');
    const published = run(keys).keys;
    const later = run(published, { now: now + 107, humanGate: ({ to }) => to !== 'unretentive' });
    expect(states(later)).toEqual({ k: 'o-oo', a: 'oo--', b: 'or--' });
    expect(reasonOf(later, 'a', 'zrrsig')?.kind).toBe('human');
  });

  test('a DS is not asked for before its DNSKEY is known to all', () => {
    const rolling = startRollover([old('a', 'csk'), key('b', 'csk')], 'a', 'b');
    expect(reasonOf(run(rolling), 'b', 'ds')).toEqual({
      kind: 'policy',
      text: 'its DNSKEY is not known to all resolvers',
    });
  });
});

test('two keys with one id are refused', () => {
  expect(() => run([old('a', 'csk'), key('a', 'csk')])).toThrow(expect.objectContaining({ code: 'key-invalid' }));
});

test('a policy whose signatures would expire before they are made anew is refused', () => {
  expect(() => assertRolloverPolicy(defaultRolloverPolicy)).not.toThrow();
  const day = 86_400;
  for (const wrong of [{ signatureValidity: 5 * day }, { publishSafety: -1 }, { zonePropagation: 0.5 }]) {
    expect(() => assertRolloverPolicy({ ...defaultRolloverPolicy, ...wrong })).toThrow(
      expect.objectContaining({ code: 'request-invalid' }),
    );
  }
});
