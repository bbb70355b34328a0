import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatName, parseName } from '#dns/name.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { formatRRType, rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { printRecords } from '#dns/zone-file/print.ts';
import { parseZoneText } from '#dns/zone-file/read.ts';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import { verifyZone } from '#dnssec/operations/verify-zone.ts';
import { type Judge, judge } from '#test/support/judges.ts';
import { inOnePiece } from '#test/support/dns.ts';
import { localVerifier } from '#test/support/local-signer.ts';
import { run } from '#test/support/process.ts';
import { randomZone } from '#test/support/random-zone.ts';
import { describeWith } from '#test/support/requirements.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';
import { type KeyKind, nsec3Policy, nsecPolicy, optOutPolicy, signedRecords } from '#test/support/zones.ts';

/** The judges other than ours; what one of them cannot load by itself is no matter of signing. */
const judges: readonly Judge[] = ['dnssec-verify', 'ldns-verify-zone', 'kzonecheck'];
const withoutKnot: readonly Judge[] = ['dnssec-verify', 'ldns-verify-zone'];

interface Case {
  readonly name: string;
  readonly origin: string;
  readonly text: string;
  readonly judges: readonly Judge[];
}

const fixture = (name: string, by: readonly Judge[]): Case => ({
  name: `${name}.zone`,
  origin: `${name}.example.`,
  text: readFileSync(`fixtures/zones/${name}.zone`, 'latin1'),
  judges: by,
});

const random = (seed: number): Case => ({
  name: `a random zone (${seed})`,
  origin: 'random.example.',
  text: randomZone('random.example.', seed, 60),
  judges,
});

const zones: readonly Case[] = [
  fixture('awkward', judges),
  fixture('occluded', withoutKnot),
  random(1),
  random(2),
  random(3),
];

const kinds: readonly KeyKind[] = [
  { keyType: 'ecdsa-p256', algorithm: 13 },
  { keyType: 'ecdsa-p384', algorithm: 14 },
  { keyType: 'ed25519', algorithm: 15 },
  { keyType: 'rsa-2048', algorithm: 8 },
  { keyType: 'rsa-2048', algorithm: 10 },
];
const policies = { nsec: nsecPolicy, nsec3: nsec3Policy, 'opt-out': optOutPolicy };
const layouts: Readonly<Record<string, readonly Role[]>> = { 'a CSK': ['csk'], 'split keys': ['ksk', 'zsk'] };

const read = ({ text, origin, name }: Case): ResourceRecord[] =>
  parseZoneText(text, { fileName: name, origin: parseName(origin) });

describeWith(judges, 'zones that we sign', () => {
  describe.each(zones)('$name', (zone) => {
    describe.each(kinds)('algorithm $algorithm', (kind) => {
      describe.each(Object.entries(policies))('%s', (_, policy) => {
        test.each(Object.entries(layouts))('%s', async (_layout, roles) => {
          const now = Math.floor(Date.now() / 1000); // dnssec-verify cannot be told another time
          const records = await signedRecords(
            read(zone),
            { ...policy, zonemd: kind.algorithm === 13 },
            roles,
            kind,
            now,
          );
          const text = Buffer.concat([...printRecords(records)]).toString('latin1');
          const verdicts = await Promise.all(zone.judges.map((name) => judge(name, { origin: zone.origin, text })));
          expect(verdicts.filter(({ accepted }) => !accepted)).toEqual([]);
          const own = await verifyZone(parseName(zone.origin), inOnePiece(records), { at: now }, localVerifier);
          expect(own.faults.filter(({ severity }) => severity === 'error')).toEqual([]);
        });
      });
    });
  });
});

describeWith(['dnssec-signzone', 'dnssec-keygen'], "our chains and dnssec-signzone's", () => {
  const switches = { nsec: [], nsec3: ['-3', '-', '-H', '0'], 'opt-out': ['-3', '-', '-H', '0', '-A'] };
  const denials = ['nsec', 'nsec3', 'opt-out'] as const;
  const compared = [...zones, ...[4, 5, 6, 7, 8, 9].map(random)];

  describe.each(compared)('of $name are the same', (zone) => {
    test.each(denials)('%s', async (denial) => {
      const ours = await signedRecords(read(zone), policies[denial], ['csk']);
      const theirs = await signWithBind(zone, switches[denial]);
      expect(chainOf(ours)).toEqual(chainOf(theirs));
    });
  });

  test('zones that dnssec-signzone signed are valid to us', async () => {
    for (const denial of denials) {
      const zone = fixture('awkward', judges);
      const records = await signWithBind(zone, switches[denial]);
      const { faults } = await verifyZone(
        parseName(zone.origin),
        inOnePiece(records),
        { at: Math.floor(Date.now() / 1000) },
        localVerifier,
      );
      expect(faults.filter(({ severity }) => severity === 'error')).toEqual([]);
    }
  });
});

async function signWithBind(zone: Case, denial: readonly string[]): Promise<ResourceRecord[]> {
  using dir = makeTempDir();
  const file = dir.at('zone');
  const out = dir.at('signed');
  writeFileSync(file, zone.text, 'latin1');
  await run(getTool('dnssec-keygen'), ['-q', '-K', dir.path, '-a', 'ECDSAP256SHA256', '-f', 'KSK', zone.origin], {
    cwd: dir.path,
  });
  const sign = ['-q', '-P', '-z', '-S', '-O', 'full', '-K', dir.path, '-o', zone.origin, '-f', out, ...denial, file];
  const { code, stderr } = await run(getTool('dnssec-signzone'), sign, { cwd: dir.path });
  expect(code, stderr).toBe(0);
  return parseZoneText(readFileSync(out, 'latin1'), { fileName: 'bind' });
}

/** Owners and contents of NSEC and NSEC3 records; signers differ in their TTLs. */
function chainOf(records: readonly ResourceRecord[]): string[] {
  return records
    .filter(({ type }) => type === rrTypes.NSEC || type === rrTypes.NSEC3 || type === rrTypes.NSEC3PARAM)
    .map(({ owner, type, rdata }) =>
      `${formatName(owner)} ${formatRRType(type)} ${formatRdata(type, rdata)}`.toLowerCase(),
    )
    .toSorted();
}
