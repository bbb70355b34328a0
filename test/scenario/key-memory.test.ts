import { createSecretKey, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { composeMaterialContext, sealMaterial } from '#kms/core/envelope.ts';
import { projectRoot } from '#test/support/commands.ts';
import { whyNotTraced } from '#test/support/failing-syncs.ts';
import { type Setup, type Stage, stages } from '#test/support/key-holder.ts';
import { refOf } from '#test/support/kms-crypto.ts';
import { countInMemory } from '#test/support/memory-search.ts';
import { start } from '#test/support/process.ts';
import { reportSkipped } from '#test/support/requirements.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

const reason = process.platform === 'linux' ? whyNotTraced() : 'needs /proc';
if (reason !== undefined) reportSkipped('the search of memory for key material', reason);

function spellingsOf(seed: Buffer) {
  return {
    octets: seed,
    hex: Buffer.from(seed.toString('hex')),
    base64: Buffer.from(seed.toString('base64').slice(0, -2)),
    base64url: Buffer.from(seed.toString('base64url')),
    decimal: Buffer.from(seed.subarray(0, 8).join(', ')),
  };
}

type Sightings = Record<keyof ReturnType<typeof spellingsOf>, number>;

/** Look for a seed at each stage of the life of the only key that a process has. */
async function lookForSeed(workers: number): Promise<Record<Stage, Sightings>> {
  using dir = makeTempDir();
  const seed = randomBytes(32);
  const kek = { id: 'a0a1a2a3a4a5a6a7', octets: randomBytes(32).toString('hex') };
  const ref = refOf('ed25519');
  const wrapped = sealMaterial(
    { id: kek.id, key: createSecretKey(Buffer.from(kek.octets, 'hex')) },
    Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    composeMaterialContext(ref),
  );
  const setup: Setup = { workers, kek, ref, wrapped: Buffer.from(wrapped).toString('hex') };
  writeFileSync(dir.at('setup'), JSON.stringify(setup));
  const program = `${projectRoot}test/support/key-holder.ts`;
  await using holder = start(process.execPath, ['--expose-gc', program, dir.at('setup')]);
  const found: Partial<Record<Stage, Sightings>> = {};
  for (const stage of stages) {
    await holder.waitFor(new RegExp(`^${stage} $`, 'm'));
    await sleep(200); // what was collected is freed a little later
    found[stage] = countInMemory(holder.pid, spellingsOf(seed));
    holder.signal('SIGUSR2');
  }
  expect(await holder.ended).toEqual({ code: 0, signal: null });
  return found as Record<Stage, Sightings>;
}

describe.runIf(reason === undefined)('the search of memory for key material', () => {
  test.each([0, 2])(
    'with %i workers finds the seed where it is kept, as octets alone, until the end',
    async (workers) => {
      const nowhere: Sightings = { octets: 0, hex: 0, base64: 0, base64url: 0, decimal: 0 };
      const threads = workers + 1;
      const found = await lookForSeed(workers);
      expect(found.before).toEqual(nowhere);
      // Each thread has one in a key of OpenSSL, which is freed when that is collected, and one in a page of libsodium.
      expect(found.open).toEqual({ ...nowhere, octets: 2 * threads });
      expect(found.forgotten.octets).toBeLessThanOrEqual(threads);
      expect({ ...found.forgotten, octets: 0 }).toEqual(nowhere);
      expect(found.closed).toEqual(nowhere);
    },
  );
});
