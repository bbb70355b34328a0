import { describe, expect, test } from 'vitest';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import { replaceAtOnce } from '#dnssec/core/rollover/emergency.ts';
import { forecast } from '#dnssec/core/rollover/forecast.ts';
import {
  abortRollover,
  goInsecure,
  goSecure,
  introduceKey,
  replaceKeys,
  retireKey,
  standBy,
  startRollover,
} from '#dnssec/core/rollover/goals.ts';
import { isHidden, moveRecord, type RolloverKey } from '#dnssec/core/rollover/key-state.ts';
import { whatToPublish } from '#dnssec/core/rollover/what-to-publish.ts';
import { established, RolloverWorld, tightPolicy } from '#test/support/rollover-world.ts';

const ttls = { dnskey: 100, zone: 300, negative: 50, ds: 200 };
const key = (id: string, role: Role, algorithm = 13): RolloverKey => introduceKey({ id, role, algorithm }, 0);
const old = (id: string, role: Role, algorithm = 13): RolloverKey => established(key(id, role, algorithm));
const worldOf = (keys: readonly RolloverKey[], policy = tightPolicy) =>
  new RolloverWorld({ keys, policy, ttls, signing: 'at-once' });
const goals = (keys: readonly RolloverKey[]) => keys.map(({ id, goal }) => `${id} ${goal}`);
const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

describe('goals', () => {
  test('an introduced key is hidden and nothing is wanted of it', () => {
    expect(isHidden(key('a', 'csk'))).toBe(true);
    expect(key('a', 'ksk').records).not.toHaveProperty('zrrsig');
    expect(key('a', 'zsk').records).not.toHaveProperty('ds');
    const world = worldOf([old('a', 'csk'), key('b', 'csk')]);
    expect(world.step().transitions).toEqual([]);
  });

  test('a rollover turns round what a further one chained to it', () => {
    const keys = startRollover([old('a', 'csk'), key('b', 'csk'), key('c', 'csk')], 'a', 'b');
    const chained = startRollover(keys, 'b', 'c');
    expect(goals(chained)).toEqual(['a hidden', 'b hidden', 'c omnipresent']);
    expect(chained.map(({ predecessor }) => predecessor)).toEqual([undefined, 'a', 'b']);
    expect(goals(abortRollover(chained, ['b'], ['c']))).toEqual(['a hidden', 'b omnipresent', 'c hidden']);
  });

  test('a successor has the role and the algorithm of its predecessor', () => {
    const keys = [old('a', 'csk'), key('b', 'csk', 15), old('k', 'ksk')];
    expect(() => startRollover(keys, 'a', 'b')).toThrow(code('request-invalid'));
    expect(() => startRollover(keys, 'a', 'k')).toThrow(code('request-invalid'));
    expect(() => startRollover(keys, 'a', 'a')).toThrow(code('request-invalid'));
    expect(() => startRollover(keys, 'a', 'x')).toThrow(code('not-found'));
  });

  test('an algorithm rollover gives each key the nearest predecessor', () => {
    const keys = [old('k', 'ksk'), old('z', 'zsk'), key('y', 'zsk', 15), key('j', 'ksk', 15)];
    const after = replaceKeys(keys, ['k', 'z'], ['j', 'y']);
    expect(after.map(({ predecessor }) => predecessor)).toEqual([undefined, undefined, 'z', 'k']);
  });

  test('keys that cannot sign a zone together are refused', () => {
    const keys = [old('k', 'ksk'), old('z', 'zsk'), key('j', 'ksk', 15)];
    expect(() => replaceKeys(keys, ['k'], ['j'])).toThrow(code('request-invalid'));
    expect(() => retireKey(keys, 'z')).toThrow(code('request-invalid'));
    expect(() => goSecure([key('k', 'ksk')], ['k'])).toThrow(code('request-invalid'));
    expect(() => retireKey(standBy([old('a', 'csk'), key('s', 'csk')], 's'), 'a')).toThrow(code('request-invalid'));
    expect(goals(goInsecure(keys))).toEqual(['k hidden', 'z hidden', 'j hidden']);
  });

  test('a standby key that is rolled to signs', () => {
    const keys = standBy([old('a', 'csk'), key('s', 'csk')], 's');
    expect(startRollover(keys, 'a', 's')[1]).not.toHaveProperty('standby');
  });
});

describe('emergency', () => {
  const facts = (keys: readonly RolloverKey[]) => ({
    keys,
    policy: tightPolicy,
    ttls: worldOf(keys).ttls,
    parent: new Map(),
  });

  test.each([
    ['zsk', { zone: 307 }, 307],
    ['ksk', { zone: 107, afterParent: 211 }, 211],
    ['csk', { zone: 307, afterParent: 211 }, 307],
  ] as const)(
    'replacing a %s that nothing stands by for is noticed for exactly as long as is said',
    (role, outage, whole) => {
      const others = role === 'csk' ? [] : [old('o', role === 'ksk' ? 'zsk' : 'ksk')];
      const world = worldOf([old('a', role), key('b', role), ...others]);
      const replaced = replaceAtOnce('a', 'b', world.now, facts(world.keys));
      expect(replaced.outage).toEqual(outage);
      world.keys = replaced.keys;
      const start = world.now;
      world.step();
      expect(world.publication.dnskeys).not.toContain('a');
      expect(world.fault()).toBeDefined();
      world.passUntil(start + whole - 1);
      expect(world.fault()).toBeDefined();
      world.passUntil(start + whole);
      expect(world.fault()).toBeUndefined();
      while (world.wake()) expect(world.fault()).toBeUndefined();
      expect(world.result?.waiting).toEqual([]);
    },
  );

  test('a replacement is of the same role and algorithm', () => {
    const keys = [old('a', 'csk'), key('b', 'csk', 15)];
    expect(() => replaceAtOnce('a', 'b', 0, facts(keys))).toThrow(code('request-invalid'));
  });

  test('a standby CSK takes over without a gap', () => {
    const world = worldOf(standBy([old('a', 'csk'), key('s', 'csk')], 's'));
    world.step();
    while (world.wake());
    const replaced = replaceAtOnce('a', 's', world.now, facts(world.keys));
    expect(replaced).toMatchObject({ transitions: [] });
    expect(replaced.outage).toBeUndefined();
    world.keys = replaced.keys;
    world.step();
    expect(world.publication).toMatchObject({ dataSigners: ['s'], dnskeySigners: ['s'] });
    do expect(world.fault()).toBeUndefined();
    while (world.wake());
    expect(isHidden(world.keys[0]!)).toBe(true);
  });
});

describe('what to publish', () => {
  test('an insecure zone asks its parent for nothing, and asks for a DS only once all can use it', () => {
    const world = worldOf([key('a', 'csk')]);
    expect(world.publication.cds).toEqual({ kind: 'none' });
    world.isParentPrompt = false;
    world.keys = goSecure(world.keys, ['a']);
    world.step();
    expect(world.publication).toMatchObject({ dnskeys: ['a'], dataSigners: ['a'], cds: { kind: 'none' } });
    while (world.wake());
    expect(world.publication.cds).toEqual({ kind: 'set', keys: ['a'] });
    expect(world.publication.ds).toEqual({ wanted: ['a'], add: ['a'], remove: [], lingering: [] });
  });

  test('the parent is asked to swap a DS in one go, and to add before it removes', () => {
    const world = worldOf([old('a', 'csk'), key('b', 'csk')]);
    world.isParentPrompt = false;
    world.keys = startRollover(world.keys, 'a', 'b');
    world.step();
    expect(world.publication.cds).toEqual({ kind: 'set', keys: ['a'] });
    while (world.wake());
    expect(world.publication.cds).toEqual({ kind: 'set', keys: ['b'] });
    expect(whatToPublish(world.keys, world.input!.parent).ds).toEqual({
      wanted: ['b'],
      add: ['b'],
      remove: ['a'],
      lingering: [],
    });
  });

  test('a key whose DS safety still needs is asked for, though it is to go', () => {
    const keys = replaceKeys([old('a', 'csk'), key('b', 'csk')], ['a'], ['b']);
    expect(whatToPublish(keys).cds).toEqual({ kind: 'set', keys: ['a'] });
  });

  test('a zone asks for removal of all until no cache has a DS, and for nothing after that', () => {
    const world = worldOf([old('a', 'csk')]);
    world.keys = goInsecure(world.keys);
    world.step();
    expect(world.publication.cds).toEqual({ kind: 'delete' });
    expect(world.publication.dataSigners).toEqual(['a']);
    world.wake();
    expect(world.publication).toMatchObject({ cds: { kind: 'none' }, dnskeys: [], dataSigners: [] });
  });

  test('a key signs the DNSKEY RRset only while it is in it', () => {
    const half = moveRecord(old('a', 'ksk'), 'dnskey', 'unretentive', 1);
    expect(whatToPublish([half]).dnskeySigners).toEqual([]);
  });

  test('a DS that stays behind its DNSKEY is pointed out', () => {
    const gone = moveRecord(moveRecord(old('a', 'ksk'), 'dnskey', 'unretentive', 1), 'ds', 'unretentive', 1);
    expect(whatToPublish([gone]).ds).toMatchObject({ remove: ['a'], lingering: ['a'] });
    const seen = new Map([['a', { kind: 'nowhere', since: 1 } as const]]);
    expect(whatToPublish([gone], seen).ds).toMatchObject({ remove: [], lingering: [] });
  });
});

describe('forecast', () => {
  test('foretells what then happens, where parent and signing are as quick as can be', () => {
    const world = worldOf([old('k', 'ksk'), old('z', 'zsk'), key('c', 'csk', 15)]);
    world.keys = replaceKeys(world.keys, ['k', 'z'], ['c']);
    world.isParentPrompt = false;
    world.step();
    const told = forecast(world.input!);
    world.isParentPrompt = true;
    while (world.wake());
    const happened = world.transitions
      .filter(({ at }) => at > 1_000_000)
      .map(({ key: id, record, from, to, at }) => ({ key: id, record, from, to, at }));
    const sorted = (moves: readonly object[]) => moves.map((move) => JSON.stringify(move)).toSorted();
    expect(sorted(told.map(({ key: id, record, from, to, at }) => ({ key: id, record, from, to, at })))).toEqual(
      sorted(happened),
    );
  });

  test('says which times rest on others', () => {
    const world = worldOf([old('a', 'csk'), key('b', 'csk')]);
    world.keys = startRollover(world.keys, 'a', 'b');
    world.isParentPrompt = false;
    world.step();
    const told = forecast(world.input!);
    const find = (record: string, to: string) =>
      told.find((move) => move.key === 'b' && move.record === record && move.to === to);
    expect(find('ds', 'rumoured')).toMatchObject({ at: 1_000_107, isAtTheEarliest: false });
    expect(find('ds', 'omnipresent')).toMatchObject({ at: 1_000_318, isAtTheEarliest: true });
  });
});
