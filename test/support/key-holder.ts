import { createSecretKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { openNodeProvider } from '#kms/adapters/provider-node.ts';
import type { StoredKeyVersion } from '#kms/ports/crypto-provider.ts';

// A process that signs with a key, forgets it and closes, and at each stage waits for SIGUSR2 while others look into its
// memory. It is given no seed, only what is sealed.

export interface Setup {
  readonly workers: number;
  readonly kek: { readonly id: string; readonly octets: string };
  readonly ref: StoredKeyVersion['ref'];
  readonly wrapped: string;
}

export const stages = ['before', 'open', 'forgotten', 'closed'] as const;
export type Stage = (typeof stages)[number];

async function reach(stage: Stage): Promise<void> {
  globalThis.gc?.();
  const asked = once(process, 'SIGUSR2');
  process.stdout.write(`${stage} \n`);
  await asked;
}

async function hold(file: string): Promise<void> {
  const { workers, kek, ref, wrapped } = JSON.parse(readFileSync(file, 'utf8')) as Setup;
  const provider = openNodeProvider({
    keks: [{ id: kek.id, key: createSecretKey(Buffer.from(kek.octets, 'hex')) }],
    workers,
  });
  const stored = { ref, wrapped: Uint8Array.from(Buffer.from(wrapped, 'hex')) };
  const waits = setInterval(() => undefined, 1000);
  await reach('before');
  for (const count of [1, 1500, 1500]) {
    await provider.sign(
      stored,
      Array.from({ length: count }, () => Uint8Array.of(1, 2, 3)),
    );
  }
  await reach('open');
  await provider.forget({ key: ref.key });
  await reach('forgotten');
  await provider.close();
  await reach('closed');
  clearInterval(waits);
}

if (process.argv[1] === import.meta.filename) await hold(process.argv[2] ?? '');
