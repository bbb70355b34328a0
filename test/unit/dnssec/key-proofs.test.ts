import { expect, test } from 'vitest';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { KeyProofs, type Proving } from '#dnssec/operations/zones/key-proofs.ts';

const key = { keyTag: 1 } as ZoneKey;

/** A version that writes down when it is asked for something. */
function makeVersion() {
  const log: string[] = [];
  const faults = new Map<string, Error>();
  const step = (what: string): void => {
    log.push(what);
    const fault = faults.get(what);
    if (fault !== undefined) throw fault;
  };
  const proving: Proving = {
    async describe() {
      step('describe');
      return key;
    },
    assertUsable: () => step('check'),
    assertSigns: async () => step('sign'),
  };
  const count = (what: string): number => log.filter((one) => one === what).length;
  return { proving, log, faults, count };
}

test('zones that ask together have a version prove itself once, and check each for itself whether they can use it', async () => {
  const proofs = new KeyProofs();
  const { proving, count } = makeVersion();
  const found = await Promise.all(['a', 'a', 'b', 'a'].map((name) => proofs.prove(name, 1000, proving)));
  expect(found).toEqual([key, key, key, key]);
  expect(['describe', 'check', 'sign'].map(count)).toEqual([2, 4, 2]);
});

test('a proof holds for a minute', async () => {
  const proofs = new KeyProofs();
  const { proving, count } = makeVersion();
  const signed: number[] = [];
  for (const now of [0, 59_999, 60_000, 100_000]) {
    await proofs.prove('a', now, proving);
    signed.push(count('sign'));
  }
  expect(signed).toEqual([1, 1, 2, 2]);
});

test.each(['describe', 'check', 'sign'])('a version whose %s fails is asked again by the next zone', async (what) => {
  const proofs = new KeyProofs();
  const { proving, faults, count } = makeVersion();
  faults.set(what, new Error('no'));
  const both = await Promise.allSettled([proofs.prove('a', 0, proving), proofs.prove('a', 0, proving)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  faults.clear();
  const before = count('sign');
  expect(await proofs.prove('a', 0, proving)).toBe(key);
  expect(count('sign')).toBe(before + 1);
});

test('a version that cannot be used is not asked to sign', async () => {
  const { proving, faults, log } = makeVersion();
  faults.set('check', new Error('shares its tag'));
  await expect(new KeyProofs().prove('a', 0, proving)).rejects.toThrow('shares its tag');
  expect(log).toEqual(['describe', 'check']);
});

test('what is kept is bounded: the oldest proofs go', async () => {
  const proofs = new KeyProofs();
  const { proving, count } = makeVersion();
  for (let name = 0; name < 1001; name++) await proofs.prove(`${name}`, 0, proving);
  await proofs.prove('1000', 0, proving);
  expect(count('sign')).toBe(1001);
  await proofs.prove('0', 0, proving);
  expect(count('sign')).toBe(1002);
});
