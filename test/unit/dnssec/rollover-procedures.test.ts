import { describe, expect, test } from 'vitest';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import {
  goInsecure,
  goSecure,
  introduceKey,
  replaceKeys,
  standBy,
  startRollover,
} from '#dnssec/core/rollover/goals.ts';
import { replaceAtOnce } from '#dnssec/core/rollover/emergency.ts';
import type { RolloverKey } from '#dnssec/core/rollover/key-state.ts';
import type { RolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';
import { established, RolloverWorld, type Signing, statesOf, tightPolicy } from '#test/support/rollover-world.ts';

const ttls = { dnskey: 100, zone: 300, negative: 50, ds: 200 };
const { zonePropagation, parentPropagation } = tightPolicy;
const round = tightPolicy.signatureValidity - tightPolicy.signatureRefresh;
/** How long caches keep what was replaced, each with its propagation. */
const [keyWait, dataWait, dsWait] = [
  zonePropagation + ttls.dnskey,
  zonePropagation + ttls.zone,
  parentPropagation + ttls.ds,
];

const key = (id: string, role: Role, algorithm = 13): RolloverKey => introduceKey({ id, role, algorithm }, 0);
const old = (id: string, role: Role, algorithm = 13): RolloverKey => established(key(id, role, algorithm));

interface Procedure {
  readonly name: string;
  readonly keys: readonly RolloverKey[];
  readonly begin: (keys: readonly RolloverKey[]) => readonly RolloverKey[];
  readonly policy?: Partial<RolloverPolicy>;
  readonly ttls?: Partial<typeof ttls>;
  readonly signing?: Signing;
  /** The wait, in seconds, and the states after it, by key: DNSKEY, ZRRSIG, KRRSIG, DS. */
  readonly steps: readonly (readonly [wait: number, states: Readonly<Record<string, string>>])[];
  /** The steps that resolvers would notice if they came a second early: those that withdraw, or publish what they rely on. */
  readonly tight: readonly number[];
}

const procedures: readonly Procedure[] = [
  {
    name: 'ZSK pre-publication',
    keys: [old('k', 'ksk'), old('a', 'zsk'), key('b', 'zsk')],
    begin: (keys) => startRollover(keys, 'a', 'b'),
    steps: [
      [0, { k: 'o-oo', a: 'oo--', b: 'rh--' }],
      [keyWait, { k: 'o-oo', a: 'ou--', b: 'or--' }],
      [dataWait, { k: 'o-oo', a: 'uh--', b: 'oo--' }],
      [keyWait, { k: 'o-oo', a: 'hh--', b: 'oo--' }],
    ],
    tight: [1, 2],
  },
  {
    name: 'ZSK pre-publication, signatures replaced as they become due',
    keys: [old('k', 'ksk'), old('a', 'zsk'), key('b', 'zsk')],
    begin: (keys) => startRollover(keys, 'a', 'b'),
    signing: 'smooth',
    steps: [
      [0, { k: 'o-oo', a: 'oo--', b: 'rh--' }],
      [keyWait, { k: 'o-oo', a: 'ou--', b: 'or--' }],
      [round + dataWait, { k: 'o-oo', a: 'uh--', b: 'oo--' }],
      [keyWait, { k: 'o-oo', a: 'hh--', b: 'oo--' }],
    ],
    tight: [1, 2],
  },
  {
    name: 'KSK double-KSK',
    keys: [old('a', 'ksk'), key('b', 'ksk'), old('z', 'zsk')],
    begin: (keys) => startRollover(keys, 'a', 'b'),
    steps: [
      [0, { a: 'o-oo', b: 'r-rh', z: 'oo--' }],
      [keyWait, { a: 'o-ou', b: 'o-or', z: 'oo--' }],
      [dsWait, { a: 'u-uh', b: 'o-oo', z: 'oo--' }],
      [keyWait, { a: 'h-hh', b: 'o-oo', z: 'oo--' }],
    ],
    tight: [1, 2],
  },
  {
    name: 'KSK double-DS',
    keys: [old('a', 'ksk'), key('b', 'ksk'), old('z', 'zsk')],
    begin: (keys) => startRollover(keys, 'a', 'b'),
    policy: { kskRollover: 'double-ds' },
    steps: [
      [0, { a: 'o-oo', b: 'h-hr', z: 'oo--' }],
      [dsWait, { a: 'u-uo', b: 'r-ro', z: 'oo--' }],
      [keyWait, { a: 'h-hu', b: 'o-oo', z: 'oo--' }],
      [dsWait, { a: 'h-hh', b: 'o-oo', z: 'oo--' }],
    ],
    tight: [1, 2],
  },
  {
    name: 'CSK, the signatures outlasting the DS',
    keys: [old('a', 'csk'), key('b', 'csk')],
    begin: (keys) => startRollover(keys, 'a', 'b'),
    steps: [
      [0, { a: 'oooo', b: 'rhrh' }],
      [keyWait, { a: 'ouou', b: 'oror' }],
      [dsWait, { a: 'ouuh', b: 'oroo' }],
      [dataWait - dsWait, { a: 'uhuh', b: 'oooo' }],
      [dsWait + keyWait - dataWait, { a: 'uhhh', b: 'oooo' }],
      [dataWait - dsWait, { a: 'hhhh', b: 'oooo' }],
    ],
    tight: [1, 2, 3],
  },
  {
    name: 'CSK, the DS outlasting the signatures',
    keys: [old('a', 'csk'), key('b', 'csk')],
    begin: (keys) => startRollover(keys, 'a', 'b'),
    ttls: { zone: 60 },
    steps: [
      [0, { a: 'oooo', b: 'rhrh' }],
      [keyWait, { a: 'ouou', b: 'oror' }],
      [zonePropagation + 60, { a: 'ohou', b: 'ooor' }],
      [dsWait - zonePropagation - 60, { a: 'uhuh', b: 'oooo' }],
      [keyWait, { a: 'hhhh', b: 'oooo' }],
    ],
    tight: [1, 3],
  },
  {
    name: 'algorithm rollover, conservative',
    keys: [old('a', 'csk'), key('b', 'csk', 15)],
    begin: (keys) => replaceKeys(keys, ['a'], ['b']),
    steps: [
      [0, { a: 'oooo', b: 'hrhh' }],
      [dataWait, { a: 'oooo', b: 'rorh' }],
      [keyWait, { a: 'ooou', b: 'ooor' }],
      [dsWait, { a: 'uouh', b: 'oooo' }],
      [keyWait, { a: 'huhh', b: 'oooo' }],
      [dataWait, { a: 'hhhh', b: 'oooo' }],
    ],
    tight: [1, 2, 3, 4],
  },
  {
    name: 'algorithm rollover with KSK and ZSK, conservative',
    keys: [old('a', 'ksk'), key('b', 'ksk', 15), old('y', 'zsk'), key('z', 'zsk', 15)],
    begin: (keys) => replaceKeys(keys, ['a', 'y'], ['b', 'z']),
    steps: [
      [0, { a: 'o-oo', b: 'h-hh', y: 'oo--', z: 'hr--' }],
      [dataWait, { a: 'o-oo', b: 'r-rh', y: 'oo--', z: 'ro--' }],
      [keyWait, { a: 'o-ou', b: 'o-or', y: 'oo--', z: 'oo--' }],
      [dsWait, { a: 'u-uh', b: 'o-oo', y: 'uo--', z: 'oo--' }],
      [keyWait, { a: 'h-hh', b: 'o-oo', y: 'hu--', z: 'oo--' }],
      [dataWait, { a: 'h-hh', b: 'o-oo', y: 'hh--', z: 'oo--' }],
    ],
    tight: [1, 2, 3, 4],
  },
  {
    name: 'algorithm rollover, liberal',
    keys: [old('a', 'csk'), key('b', 'csk', 15)],
    begin: (keys) => replaceKeys(keys, ['a'], ['b']),
    policy: { algorithmRollover: 'liberal' },
    steps: [
      [0, { a: 'oooo', b: 'rrrh' }],
      [keyWait, { a: 'oooo', b: 'oroh' }],
      [dataWait - keyWait, { a: 'ooou', b: 'ooor' }],
      [dsWait, { a: 'uuuh', b: 'oooo' }],
      [keyWait, { a: 'huhh', b: 'oooo' }],
      [dataWait - keyWait, { a: 'hhhh', b: 'oooo' }],
    ],
    tight: [2, 3],
  },
  {
    name: 'going secure, the data outlasting the DNSKEY',
    keys: [key('a', 'csk')],
    begin: (keys) => goSecure(keys, ['a']),
    steps: [
      [0, { a: 'rrrh' }],
      [keyWait, { a: 'oroh' }],
      [dataWait - keyWait, { a: 'ooor' }],
      [dsWait, { a: 'oooo' }],
    ],
    tight: [2],
  },
  {
    name: 'going secure, the denial of the DNSKEY outlasting all',
    keys: [key('k', 'ksk'), key('z', 'zsk')],
    begin: (keys) => goSecure(keys, ['k', 'z']),
    ttls: { negative: 400 },
    steps: [
      [0, { k: 'r-rh', z: 'rr--' }],
      [zonePropagation + 400, { k: 'o-or', z: 'oo--' }],
      [dsWait, { k: 'o-oo', z: 'oo--' }],
    ],
    tight: [1],
  },
  {
    name: 'going insecure',
    keys: [old('k', 'ksk'), old('z', 'zsk')],
    begin: goInsecure,
    steps: [
      [0, { k: 'o-ou', z: 'oo--' }],
      [dsWait, { k: 'u-uh', z: 'uu--' }],
      [keyWait, { k: 'h-hh', z: 'hu--' }],
      [dataWait - keyWait, { k: 'h-hh', z: 'hh--' }],
    ],
    tight: [1],
  },
  {
    name: 'a standby KSK, published before it is needed',
    keys: [old('a', 'ksk'), key('b', 'ksk'), old('z', 'zsk')],
    begin: (keys) => standBy(keys, 'b'),
    steps: [
      [0, { a: 'o-oo', b: 'r-hh', z: 'oo--' }],
      [keyWait, { a: 'o-oo', b: 'o-hr', z: 'oo--' }],
      [dsWait, { a: 'o-oo', b: 'o-ho', z: 'oo--' }],
    ],
    tight: [],
  },
  {
    name: 'emergency with a standby KSK',
    keys: [old('a', 'ksk'), withdrawn(old('b', 'ksk'), 'krrsig'), old('z', 'zsk')],
    begin: (keys) => calledUpon(keys, 'a', 'b'),
    steps: [
      [0, { a: 'u-uo', b: 'o-ro', z: 'oo--' }],
      [keyWait, { a: 'h-hu', b: 'o-oo', z: 'oo--' }],
      [dsWait, { a: 'h-hh', b: 'o-oo', z: 'oo--' }],
    ],
    tight: [1],
  },
  {
    name: 'emergency with a standby ZSK',
    keys: [old('k', 'ksk'), old('a', 'zsk'), withdrawn(old('b', 'zsk'), 'zrrsig')],
    begin: (keys) => calledUpon(keys, 'a', 'b'),
    steps: [
      [0, { k: 'o-oo', a: 'ou--', b: 'or--' }],
      [dataWait, { k: 'o-oo', a: 'uh--', b: 'oo--' }],
      [keyWait, { k: 'o-oo', a: 'hh--', b: 'oo--' }],
    ],
    tight: [1],
  },
  {
    name: 'from KSK and ZSK to a CSK',
    keys: [old('k', 'ksk'), old('z', 'zsk'), key('c', 'csk')],
    begin: (keys) => replaceKeys(keys, ['k', 'z'], ['c']),
    steps: [
      [0, { k: 'o-oo', z: 'oo--', c: 'rhrh' }],
      [keyWait, { k: 'o-ou', z: 'ou--', c: 'oror' }],
      [dsWait, { k: 'u-uh', z: 'ou--', c: 'oroo' }],
      [dataWait - dsWait, { k: 'u-uh', z: 'uh--', c: 'oooo' }],
      [dsWait + keyWait - dataWait, { k: 'h-hh', z: 'uh--', c: 'oooo' }],
      [dataWait - dsWait, { k: 'h-hh', z: 'hh--', c: 'oooo' }],
    ],
    tight: [1, 2, 3],
  },
];

function withdrawn(standby: RolloverKey, record: 'krrsig' | 'zrrsig'): RolloverKey {
  return { ...standby, standby: true, records: { ...standby.records, [record]: { state: 'hidden', since: 0 } } };
}

function calledUpon(keys: readonly RolloverKey[], lost: string, standby: string): readonly RolloverKey[] {
  const facts = { keys, policy: tightPolicy, ttls: new RolloverWorld(worldOf(keys)).ttls, parent: new Map() };
  const { keys: after, transitions, outage } = replaceAtOnce(lost, standby, 0, facts);
  expect({ transitions, outage }).toEqual({ transitions: [], outage: undefined });
  return after;
}

function worldOf(keys: readonly RolloverKey[], procedure?: Procedure) {
  return {
    keys,
    policy: { ...tightPolicy, ...procedure?.policy },
    ttls: { ...ttls, ...procedure?.ttls },
    signing: procedure?.signing ?? 'at-once',
  };
}

function begun(procedure: Procedure): RolloverWorld {
  const world = new RolloverWorld(worldOf(procedure.keys, procedure));
  expect(world.fault()).toBeUndefined();
  world.keys = procedure.begin(world.keys);
  world.step();
  return world;
}

/** Let time pass; an RRset that is signed smoothly was signed at the last instant before the keys change. */
function wake(world: RolloverWorld): boolean {
  return world.wake(() => signAll(world));
}

function signAll(world: RolloverWorld): void {
  for (const index of [0, 1, 2]) world.signOne(index);
}

describe.each(procedures)('$name', (procedure) => {
  test('goes through its steps with exactly its waits, and no resolver is ever without a chain of trust', () => {
    const world = begun(procedure);
    const steps = [[0, states(world)]];
    for (let before = world.now; wake(world); before = world.now) {
      expect(world.fault()).toBeUndefined();
      steps.push([world.now - before, states(world)]);
    }
    expect(steps).toEqual(procedure.steps);
    expect(world.result?.waiting).toEqual([]);
  });

  test('is noticed by some resolver in just those steps that are a second too fast and matter', () => {
    const noticed = procedure.steps.slice(1).flatMap((_, index) => {
      const world = begun(procedure);
      for (let count = 0; count < index; count++) wake(world);
      world.clockAhead = 1;
      wake(world);
      signAll(world);
      return world.fault() === undefined ? [] : [index + 1];
    });
    expect(noticed).toEqual(procedure.tight);
  });

  test('can be turned round after each of its steps', () => {
    for (let turn = 0; turn < procedure.steps.length; turn++) {
      const world = begun(procedure);
      for (let count = 0; count < turn; count++) wake(world);
      world.keys = procedure.keys.map((one, index) => ({ ...one, records: world.keys[index]!.records }));
      world.step();
      for (let count = 0; count < 20; count++) {
        expect(world.fault()).toBeUndefined();
        if (!wake(world)) break;
      }
      expect(world.result?.waiting).toEqual([]);
      expect(states(world)).toEqual(Object.fromEntries(procedure.keys.map((one) => [one.id, statesOf(one)])));
    }
  });
});

function states(world: RolloverWorld): Record<string, string> {
  return Object.fromEntries(world.keys.map((one) => [one.id, statesOf(one)]));
}
