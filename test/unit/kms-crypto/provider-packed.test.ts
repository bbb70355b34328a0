import { createHash, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { joinPacked, pack, runOf } from '#lib/packed.ts';
import { given, makeKey, testProvider, type TestKey, utf8 } from '#test/support/kms-crypto.ts';

describe.each([0, 2])('many inputs with %i threads', (workers) => {
  const provider = testProvider({ workers });
  let key: TestKey;
  beforeAll(async () => (key = await makeKey(provider, 'ecdsa-p256')));
  afterAll(() => provider.close());

  test.each([0, 1, 3, 700])('are signed as one by one: %i', async (count) => {
    const inputs = Array.from({ length: count }, (_, index) => utf8(`input ${index}`));
    const { results: parts, errors } = await provider.signPacked(key, pack(inputs));
    const results = joinPacked(parts);
    expect([results.ends.length, errors]).toEqual([count, []]);
    for (const [index, input] of inputs.entries())
      expect(verify('sha256', input, given(key.publicKey), runOf(results, index))).toBe(true);
  });

  test.each([5, 900])('fail each for itself: %i', async (count) => {
    const inputs = Array.from({ length: count }, (_, index) => createHash('sha256').update(`${index}`).digest());
    const bad = [1, 3, count - 1];
    for (const index of bad) inputs[index] = Buffer.alloc(31);
    const { results: parts, errors } = await provider.signPacked(key, pack(inputs), { prehashed: true });
    const results = joinPacked(parts);
    expect(errors.map(({ index, error }) => [index, error.code])).toEqual(
      bad.map((index) => [index, 'payload-invalid']),
    );
    const empty = inputs.flatMap((_, index) => (runOf(results, index).length === 0 ? [index] : []));
    expect(empty).toEqual(bad);
  });

  test('are not changed, and may be changed once the call was made', async () => {
    const packed = pack(Array.from({ length: 300 }, (_, index) => Uint8Array.of(1 + (index & 0x7f), 1)));
    const before = structuredClone(packed);
    const signing = provider.signPacked(key, packed);
    expect(packed).toEqual(before);
    packed.bytes.fill(0);
    const results = joinPacked((await signing).results);
    const isSigned = (_: number, index: number) =>
      verify('sha256', runOf(before, index), given(key.publicKey), runOf(results, index));
    expect(Array.from(before.ends, isSigned)).toEqual(Array.from(before.ends, () => true));
  });
});
