import { afterEach, describe, expect, it } from 'vitest';
import { openNodeProvider } from '#kms/adapters/provider-node.ts';
import { WorkerPool } from '#kms/adapters/provider-node-pool.ts';
import type { BatchJob } from '#kms/adapters/provider-node-protocol.ts';
import { pack } from '#lib/packed.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { CryptoProvider } from '#kms/ports/crypto-provider.ts';
import { codeOf, makeKey, only, testKek, testProvider, utf8, type TestKey } from '#test/support/kms-crypto.ts';

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

function open(workers = 2, maxBacklog?: number): CryptoProvider {
  const provider = openNodeProvider({
    keks: [testKek()],
    workers,
    ...(maxBacklog === undefined ? {} : { maxBacklog }),
  });
  closing.push(provider);
  return provider;
}

function openPool(size = 1): WorkerPool {
  const pool = new WorkerPool(size, { keks: [testKek()], cacheCapacity: 16 });
  closing.push(pool);
  return pool;
}

const numbered = (count: number): Uint8Array[] => Array.from({ length: count }, (_, index) => utf8(`input ${index}`));

const jobsOf = (key: TestKey, count: number): BatchJob[] =>
  numbered(count).map((input) => ({
    kind: 'sign',
    key: { ref: key.ref, wrapped: key.wrapped },
    wish: {},
    width: 1,
    items: pack([input]),
    cost: 10_000,
  }));
/** No caller can send this: the worker does not expect it and ends. */
const kill = (pool: WorkerPool): Promise<void> => pool.forget(undefined as never);

describe('a batch over workers', () => {
  it('keeps its order and its count', async () => {
    const provider = open();
    const key = await makeKey(provider, 'ecdsa-p256');
    const inputs = numbered(1500);
    const signatures = await provider.sign(key, inputs, { marshalingAlgorithm: 'p1363' });
    const items = inputs.map((input, index) => ({ input, signature: signatures[index] as Uint8Array }));
    const alone = await testProvider().verify(key, items, { marshalingAlgorithm: 'p1363' });
    expect(alone).toEqual(inputs.map(() => true));
  });

  it('gives each item its own fault, wherever it is split', async () => {
    const provider = open();
    const key = await makeKey(provider, 'ecdsa-p256');
    const inputs = Array.from({ length: 900 }, (_, index) => new Uint8Array(index % 7 === 0 ? 3 : 32).fill(1));
    const outcomes = await provider.sign(key, inputs, { prehashed: true });
    expect(outcomes.map((outcome) => outcome instanceof KmsError)).toEqual(inputs.map(({ length }) => length === 3));
  });

  it('answers like the calling thread does', async () => {
    const provider = open();
    const key = await makeKey(provider, 'hmac-sha512');
    const inputs = numbered(3000);
    expect(await provider.hmac(key, inputs)).toEqual(await testProvider().hmac(key, inputs));
  });

  it('does not hold up a single call, however long it is', async () => {
    const provider = open();
    const [rsa, edwards] = [await makeKey(provider, 'rsa-2048'), await makeKey(provider, 'ed25519')];
    let ended = false;
    const long = provider.sign(rsa, numbered(600)).then(() => (ended = true));
    only(await provider.sign(edwards, [utf8('short')]));
    expect(ended).toBe(false);
    await long;
  });

  it('copies its arguments before the call returns', async () => {
    const provider = open();
    const key = await makeKey(provider, 'hmac');
    const inputs = numbered(500);
    const expected = await provider.hmac(key, inputs);
    const again = provider.hmac(key, inputs);
    for (const input of inputs) input.fill(0);
    expect(await again).toEqual(expected);
  });

  it('leaves its arguments as they were', async () => {
    const provider = open();
    const key = await makeKey(provider, 'aes256-gcm96');
    const plaintext = utf8('kept');
    const wrapped = Uint8Array.from(key.wrapped);
    for (const count of [1, 400])
      await provider.encrypt(
        key,
        Array.from({ length: count }, () => ({ plaintext })),
      );
    expect(plaintext).toEqual(utf8('kept'));
    expect(key.wrapped).toEqual(wrapped);
  });
});

describe('short calls of one turn', () => {
  it.each([3, 60])('each get their own outcomes, %i with every key and wish', async (count) => {
    const provider = open();
    const keys = [await makeKey(provider, 'ecdsa-p256'), await makeKey(provider, 'ecdsa-p256', { key: 'kms-other' })];
    const wishes = [{}, { marshalingAlgorithm: 'p1363' }, { hash: 'sha2-512' }] as const;
    const calls = keys.flatMap((key) =>
      wishes.flatMap((wish) =>
        numbered(count).map((input, index) => ({ key, wish, inputs: [input, utf8(`${index}`)] })),
      ),
    );
    const signed = await Promise.all(calls.map(({ key, wish, inputs }) => provider.sign(key, inputs, wish)));
    for (const [index, { key, wish, inputs }] of calls.entries()) {
      const items = inputs.map((input, at) => ({ input, signature: signed[index]?.[at] as Uint8Array }));
      expect(await testProvider().verify(key, items, wish)).toEqual([true, true]);
    }
  });

  it('fail alone', async () => {
    const provider = open();
    const key = await makeKey(provider, 'aes256-gcm96');
    const plaintexts = numbered(40).map((plaintext, index) => (index % 5 === 0 ? new Uint8Array(0) : plaintext));
    const sealed = await Promise.all(plaintexts.map((plaintext) => provider.encrypt(key, [{ plaintext }])));
    expect(sealed.map(([outcome]) => outcome instanceof KmsError)).toEqual(
      plaintexts.map(({ length }) => length === 0),
    );
    const opened = await Promise.all(
      sealed.map(async ([ciphertext]) =>
        ciphertext instanceof Uint8Array ? only(await provider.decrypt(key, [{ ciphertext }])) : new Uint8Array(0),
      ),
    );
    expect(opened.map((bytes) => Buffer.from(bytes).toString())).toEqual(
      plaintexts.map((bytes) => Buffer.from(bytes).toString()),
    );
    const moved = { ref: { ...key.ref, organisation: 'o-other' }, wrapped: key.wrapped };
    const answers = await Promise.allSettled([
      provider.encrypt(moved, [{ plaintext: utf8('a') }]),
      provider.encrypt(key, [{ plaintext: utf8('a') }]),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});

describe('errors of workers', () => {
  it('reach the caller with their code and message', async () => {
    const provider = open();
    const key = await makeKey(provider, 'ed25519');
    const wrong = { ref: { ...key.ref, key: 'kms-other' }, wrapped: key.wrapped };
    await expect(provider.sign(wrong, numbered(300))).rejects.toThrow(KmsError);
    expect(await codeOf(() => provider.sign(wrong, numbered(300)))).toBe('material-damaged');
    expect(await codeOf(() => provider.export(wrong))).toBe('material-damaged');
  });

  it('refuse a call when too much waits, and take it afterwards', async () => {
    const provider = open(1, 0.01);
    const key = await makeKey(provider, 'rsa-4096');
    const first = provider.sign(key, numbered(100));
    expect(await codeOf(() => provider.sign(key, numbered(2)))).toBe('overloaded');
    expect(await first).toHaveLength(100);
    expect(await provider.sign(key, numbered(2))).toHaveLength(2);
  });
});

describe('making keys', () => {
  it('is refused when too many are being made', async () => {
    const provider = open();
    const results = await Promise.allSettled(Array.from({ length: 80 }, () => makeKey(provider, 'ed25519')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(64);
    expect(await makeKey(provider, 'ed25519')).toBeDefined();
  });
});

describe('a worker that dies', () => {
  it('fails the calls it had, and its successor does the next ones', async () => {
    const pool = openPool();
    const key = await makeKey(testProvider(), 'rsa-2048');
    const lost = pool.run(jobsOf(key, 20));
    await kill(pool);
    expect(await codeOf(() => lost)).toBe('worker-lost');
    expect(await pool.run(jobsOf(key, 3))).toHaveLength(3);
  });

  it('does not fail calls that it had not been sent', async () => {
    const pool = openPool();
    const key = await makeKey(testProvider(), 'rsa-2048');
    const killed = kill(pool);
    const [first, second, third] = [1, 2, 3].map(() => pool.run(jobsOf(key, 1)));
    await killed;
    const outcomes = await Promise.allSettled([first, second, third]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });
});

describe('forgetting', () => {
  it('makes every worker open the material again', async () => {
    const provider = open();
    const key = await makeKey(provider, 'ed25519');
    await provider.sign(key, numbered(500));
    await provider.forget({ key: key.ref.key });
    await provider.forget({ key: key.ref.key, version: 1 });
    expect(await provider.sign(key, numbered(500))).toHaveLength(500);
  });
});

describe('closing', () => {
  it('finishes what was begun and refuses what comes after', async () => {
    const provider = open();
    const key = await makeKey(provider, 'rsa-2048');
    const under = provider.sign(key, numbered(50));
    const closed = provider.close();
    expect(await codeOf(() => provider.sign(key, numbered(1)))).toBe('closed');
    expect(await codeOf(() => provider.generate(key.ref))).toBe('closed');
    expect(await under).toHaveLength(50);
    await closed;
    await provider.close();
  });
});
