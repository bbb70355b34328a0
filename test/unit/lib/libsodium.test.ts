import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { loadLibsodium } from '#lib/libsodium.ts';

const program = `
  const { parentPort } = require('node:worker_threads');
  import(${JSON.stringify(new URL('../../../src/lib/libsodium.ts', import.meta.url).href)}).then(({ loadLibsodium }) => {
    const { libsodium } = loadLibsodium();
    const [publicKey, secretKey] = [new Uint8Array(32), libsodium.sodium_malloc(64)];
    libsodium.crypto_sign_seed_keypair(publicKey, secretKey, new Uint8Array(32));
    parentPort.postMessage(Buffer.from(publicKey).toString('hex'));
  });
`;

describe('libsodium', () => {
  test('loads here, once', () => {
    expect(loadLibsodium()).toHaveProperty('libsodium');
    expect(loadLibsodium()).toBe(loadLibsodium());
  });

  test('loads in several threads at once, whose ends leave it to the others', async () => {
    for (let round = 0; round < 2; round++) {
      const workers = Array.from({ length: 3 }, () => new Worker(program, { eval: true }));
      const keys = await Promise.all(workers.map((worker) => once(worker, 'message')));
      expect(keys).toEqual(workers.map(() => ['3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29']));
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  });
});
