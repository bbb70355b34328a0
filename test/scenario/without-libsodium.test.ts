import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '#test/support/commands.ts';
import { run, start } from '#test/support/process.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { zoneHead } from '#test/support/zones.ts';

const without = ['--import', `${projectRoot}test/support/without-libsodium.ts`];
const zoneseal = `${projectRoot}bin/zoneseal.js`;
const records = Array.from({ length: 60 }, (_, index) => `host-${index} A 192.0.2.${index}\n`).join('');

describe('a machine for which there is no libsodium', () => {
  test('signs and verifies with Ed25519 as one does that has it, with the same key', async () => {
    using dir = makeTempDir();
    writeFileSync(dir.at('zone'), `$ORIGIN example.\n${zoneHead}${records}`);
    const kinds = [without, []];
    for (const signer of kinds) {
      const options = ['--algorithm', 'ed25519', '--data', dir.at('data'), '--out', dir.at('signed')];
      const signed = await run(process.execPath, [...signer, zoneseal, 'sign', dir.at('zone'), ...options]);
      expect([signed.code, signed.stderr]).toEqual([0, expect.stringContaining(' 15 2 ')]);
      for (const verifier of kinds) {
        const verified = await run(process.execPath, [...verifier, zoneseal, 'verify', dir.at('signed')]);
        expect([verified.code, verified.stderr]).toEqual([0, '']);
      }
    }
  });

  test.each([
    ['says so in its log', without, 'info', /"reason":"this machine has no libsodium".*Ed25519 is done by OpenSSL/],
    ['is told from one that has it', [], 'debug', /Ed25519 is done by libsodium/],
  ] as const)('%s', async (_, options, level, line) => {
    using dir = makeTempDir();
    const settings = ['--port', '0', '--data', dir.at('data'), '--log-level', level];
    await using service = start(process.execPath, [...options, zoneseal, 'serve', ...settings]);
    await service.waitFor(line);
    await service.waitFor(/listening /);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
  });
});
