import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseName } from '#dns/name.ts';
import { parseZoneText } from '#dns/zone-file/read.ts';
import { formatFault } from '#dnssec/core/zone/faults.ts';
import { verifyZone } from '#dnssec/operations/verify-zone.ts';
import { inOnePiece } from '#test/support/dns.ts';
import { localVerifier } from '#test/support/local-signer.ts';
import { patience } from '#test/support/patience.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { getTool, type Tool } from '#test/support/tools.ts';

const origin = 'awkward.example.';
const zoneText = readFileSync('fixtures/zones/awkward.zone', 'latin1');

/** Write the zone, let `sign` make the signed one in `dir`, and return the faults that we find in it. */
async function faultsOf(sign: (dir: TempDir, zoneFile: string) => Promise<string>): Promise<string[]> {
  using dir = makeTempDir();
  const zoneFile = dir.at('zone');
  writeFileSync(zoneFile, zoneText, 'latin1');
  const records = parseZoneText(readFileSync(await sign(dir, zoneFile), 'latin1'), {
    fileName: 'signed',
    origin: parseName(origin),
  });
  const options = { at: Math.floor(Date.now() / 1000) };
  const { faults, signaturesChecked } = await verifyZone(
    parseName(origin),
    inOnePiece(records),
    options,
    localVerifier,
  );
  expect(signaturesChecked).toBeGreaterThan(50);
  return faults.filter(({ severity }) => severity === 'error').map(formatFault);
}

async function call(tool: Tool, args: readonly string[], dir: TempDir): Promise<string> {
  const { code, stdout, stderr } = await run(getTool(tool), args, { cwd: dir.path, timeout: patience });
  expect(code, `${tool} ${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout.trim();
}

describeWith(['kzonesign'], 'zones that Knot DNS signed', () => {
  describe.each(['ecdsap256sha256', 'ed25519', 'rsasha256'])('with %s', (algorithm) => {
    test.each([
      ['NSEC', ''],
      ['NSEC3', '    nsec3: on\n'],
      ['opt-out', '    nsec3: on\n    nsec3-opt-out: on\n'],
    ])('and %s are valid to us', async (_, denial) => {
      const faults = await faultsOf(async (dir, zoneFile) => {
        for (const folder of ['out', 'db']) mkdirSync(dir.at(folder));
        writeFileSync(
          dir.at('knot.conf'),
          `database:\n    storage: "${dir.at('db')}"\npolicy:\n  - id: p\n    algorithm: ${algorithm}\n${denial}` +
            `zone:\n  - domain: ${origin}\n    file: "${zoneFile}"\n    dnssec-signing: on\n    dnssec-policy: p\n`,
        );
        await call('kzonesign', ['-c', dir.at('knot.conf'), '-o', dir.at('out'), origin], dir);
        return dir.at('out', readdirSync(dir.at('out'))[0] ?? '');
      });
      expect(faults).toEqual([]);
    });
  });
});

describeWith(['ldns-signzone', 'ldns-keygen'], 'zones that ldns signed', () => {
  describe.each(['ECDSAP256SHA256', 'ED25519', 'RSASHA512'])('with %s', (algorithm) => {
    test.each([
      ['NSEC', []],
      ['NSEC3', ['-n', '-t', '0']],
      ['opt-out', ['-n', '-p', '-t', '0']],
    ])('and %s are valid to us', async (_, denial) => {
      const faults = await faultsOf(async (dir, zoneFile) => {
        const ksk = await call('ldns-keygen', ['-a', algorithm, '-b', '2048', '-k', origin], dir);
        const zsk = await call('ldns-keygen', ['-a', algorithm, '-b', '2048', origin], dir);
        await call('ldns-signzone', [...denial, '-o', origin, '-f', dir.at('signed'), zoneFile, ksk, zsk], dir);
        return dir.at('signed');
      });
      expect(faults).toEqual([]);
    });
  });
});
