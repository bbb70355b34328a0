import { describe, expect, test } from 'vitest';
import { DnssecError } from '#dnssec/core/errors.ts';
import { KmsKeyWatch } from '#dnssec/operations/zones/watch-kms-keys.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { KmsKeyInUse } from '#dnssec/ports-zones.ts';
import { FakeClock } from '#test/support/fake-clock.ts';

const region = 'r';

/** A KMS with keys and events, and what the store was told of it. */
function makeWorld(organisations: readonly string[] = ['o']) {
  const clock = new FakeClock();
  const keys = new Map<string, { latestVersion: number; status: string }>();
  const events: string[] = [];
  const known = new Map<string, KmsKeyInUse>();
  const noted: string[] = [];
  const failures: string[] = [];
  const lists: string[] = [];
  let eventsFail: DnssecError | undefined;
  let reads = 0;
  const away = new Set<string>();
  const ports = {
    clock,
    store: {
      kmsKeysInUse: async () => {
        reads += 1;
        return organisations.map((organisation) => ({
          region,
          keyId: `key-${organisation}`,
          ...known.get(`key-${organisation}`),
          scope: { organisation },
        }));
      },
      hasUnknownKmsKey: async () =>
        organisations.some((organisation) => known.get(`key-${organisation}`)?.latestVersion === undefined),
      async noteKmsKey(key: Required<KmsKeyInUse>) {
        known.set(key.keyId, key);
        noted.push(`${key.keyId} ${key.latestVersion} ${key.status}`);
      },
    },
    serviceKeys: ({ organisation }: { organisation: string }) => ({
      async listKeys() {
        if (away.has(organisation)) throw new DnssecError('kms-unavailable', 'away');
        lists.push(organisation);
        return [...keys].map(([keyId, key]) => ({ keyId, slug: keyId, labels: {}, ...key }));
      },
      async eventsAfter(number: number) {
        if (eventsFail !== undefined) throw eventsFail;
        const keyIds = events.slice(number);
        return keyIds.length === 0 ? undefined : { last: events.length, keyIds };
      },
    }),
  };
  const watch = new KmsKeyWatch(ports as unknown as ZonePorts, (_error, place) => failures.push(place));
  for (const organisation of organisations) keys.set(`key-${organisation}`, { latestVersion: 1, status: 'active' });
  return {
    clock,
    keys,
    away,
    failures,
    reads: () => reads,
    look: async () => {
      await watch.look();
      return { noted: noted.splice(0), lists: lists.splice(0).length };
    },
    rotate: (keyId: string, isTold = true): void => {
      keys.set(keyId, { latestVersion: (keys.get(keyId)?.latestVersion ?? 0) + 1, status: 'active' });
      if (isTold) events.push(keyId);
    },
    tell: (keyId: string) => events.push(keyId),
    failEvents: (error: DnssecError | undefined) => (eventsFail = error),
  };
}

describe('the watch over KMS keys', () => {
  test('looks at keys at first, and then when an event tells of one of them', async () => {
    const { look, rotate, tell } = makeWorld();
    expect(await look()).toEqual({ noted: ['key-o 1 active'], lists: 1 });
    expect(await look()).toEqual({ noted: [], lists: 0 });
    tell('of another');
    expect(await look()).toEqual({ noted: [], lists: 0 });
    rotate('key-o');
    expect(await look()).toEqual({ noted: ['key-o 2 active'], lists: 1 });
    expect(await look()).toEqual({ noted: [], lists: 0 });
  });

  test('finds by the next poll what no event told', async () => {
    const { look, rotate, clock } = makeWorld();
    await look();
    rotate('key-o', false);
    clock.advance(599);
    expect(await look()).toEqual({ noted: [], lists: 0 });
    clock.advance(1);
    expect(await look()).toEqual({ noted: ['key-o 2 active'], lists: 1 });
  });

  test.each(['not-found', 'kms-refused'] as const)(
    'polls a KMS whose events are %s, and asks again later',
    async (code) => {
      const { look, rotate, clock, failEvents, failures } = makeWorld();
      failEvents(new DnssecError(code, 'no events'));
      expect(await look()).toEqual({ noted: ['key-o 1 active'], lists: 1 });
      rotate('key-o');
      expect(await look()).toEqual({ noted: [], lists: 0 });
      clock.advance(600);
      expect(await look()).toEqual({ noted: ['key-o 2 active'], lists: 1 });
      failEvents(undefined);
      await look();
      rotate('key-o');
      expect(await look()).toEqual({ noted: ['key-o 3 active'], lists: 1 });
      expect(failures).toEqual([]);
    },
  );

  test('tells of a key that is gone', async () => {
    const { look, keys, tell } = makeWorld();
    await look();
    keys.delete('key-o');
    tell('key-o');
    expect(await look()).toEqual({ noted: ['key-o 1 missing'], lists: 1 });
  });

  test('goes on with other places where one cannot be looked at, and comes back to it', async () => {
    const { look, away, failures } = makeWorld(['a', 'b']);
    away.add('a');
    expect(await look()).toEqual({ noted: ['key-b 1 active'], lists: 1 });
    expect(failures).toEqual(['r a ']);
    away.clear();
    expect((await look()).noted).toEqual(['key-a 1 active']);
  });

  test('looks again where it was told of a rotation and could not look', async () => {
    const { look, away, rotate } = makeWorld();
    await look();
    rotate('key-o');
    away.add('o');
    expect(await look()).toEqual({ noted: [], lists: 0 });
    away.clear();
    expect(await look()).toEqual({ noted: ['key-o 2 active'], lists: 1 });
  });

  test('reads the keys of zones when something may be new, and not at each look', async () => {
    const { look, reads, rotate } = makeWorld();
    await look();
    await look();
    const before = reads();
    for (let round = 0; round < 5; round++) await look();
    expect(reads()).toBe(before);
    rotate('key-o');
    await look();
    expect(reads()).toBe(before + 1);
  });
});
