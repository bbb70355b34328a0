import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openKeySetProbe } from '#dnssec/adapters/parent/key-set-probe.ts';
import { parseMaterial } from '#kms/core/material-file.ts';
import { wrapForImport } from '#kms/core/wrapping.ts';
import { encodeBase64 } from '#lib/encoding.ts';
import { canonical } from '#test/support/dns.ts';
import { judge } from '#test/support/judges.ts';
import { settle, shownStates } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { startNamed } from '#test/support/servers.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

const name = 'adopted.example';

/** A key pair as BIND keeps it. */
interface BindKey {
  /** Its files are this with `.key` and `.private`. */
  readonly base: string;
  readonly keyTag: number;
  /** RDATA without blanks. */
  readonly dnskey: string;
}

const withoutBlanks = (text: string): string => text.replaceAll(/\s/g, '');

async function call(dir: TempDir, command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { cwd: dir.path });
  expect([stderr, code]).toEqual([expect.any(String), 0]);
  return stdout.trim();
}

async function makeKey(dir: TempDir, ...flags: string[]): Promise<BindKey> {
  const base = await call(dir, getTool('dnssec-keygen'), '-q', '-a', '13', ...flags, name);
  const line = readFileSync(dir.at(`${base}.key`), 'latin1')
    .split('\n')
    .find((one) => one.includes(' DNSKEY '));
  return { base, keyTag: Number(base.split('+').at(-1)), dnskey: withoutBlanks(line?.split(' DNSKEY ')[1] ?? '') };
}

/** Import a key as `zoneseal key import` does. @returns the identity of the KMS key */
async function importKey(world: ManagedWorld, dir: TempDir, { base }: BindKey): Promise<string> {
  const material = parseMaterial(readFileSync(dir.at(`${base}.private`)));
  const { body: wrapping } = await world.call('GET', '/v1/kms/nl-01/wrapping-key');
  const importKeyMaterial = encodeBase64(wrapForImport(wrapping.publicKey, material));
  const key = { name: base, keyType: 'ecdsa-p256', importKeyMaterial, allowRotation: true };
  const { status, body } = await world.call('POST', '/v1/kms/nl-01/keys', key);
  expect(status).toBe(201);
  return body.identity;
}

describeWith(['dnssec-keygen', 'dnssec-dsfromkey', 'dnssec-verify'], 'a key of BIND that is adopted', () => {
  test('keeps its DNSKEY and its tag, so that the DS at the parent stays valid', async () => {
    using dir = makeTempDir();
    const { base, keyTag, dnskey } = await makeKey(dir, '-f', 'KSK');
    const ds = (await call(dir, getTool('dnssec-dsfromkey'), '-a', 'SHA-256', `${base}.key`)).split(' DS ')[1];
    await using world = await ManagedWorld.open({ start: Date.now() });
    const kmsKeyIdentity = await importKey(world, dir, { base, keyTag, dnskey });
    world.parent.servers.a = world.parent.servers.b = [keyTag];
    await world.signedZone(name, undefined, { kmsKeyIdentity, takeover: true });

    const [key] = await world.keys(name);
    expect(withoutBlanks(key.dnskey)).toBe(dnskey);
    expect([key.keyTag, shownStates(key)]).toEqual([keyTag, 'oroo']);
    const { body } = await world.call('GET', `/zones/${name}/dnssec`);
    const records = body.dsRecords.map(({ record }: { record: string }) => withoutBlanks(record).toLowerCase());
    expect(records).toContain(withoutBlanks(ds ?? '').toLowerCase());
    const text = await world.text(name);
    expect(await judge('dnssec-verify', { origin: `${name}.`, text })).toMatchObject({ accepted: true });
    await world.pass(name, 2 * 86_400);
    expect((await world.keys(name)).map(shownStates)).toEqual(['oooo']);
  });
});

/** DNSKEY RDATA of a master file, without blanks. */
function dnskeysIn(text: string): string[] {
  const records = [...text.matchAll(/\sDNSKEY\s+(\d+ 3 13 [^;\n]+)/g)];
  return records.map(([, rdata = '']) => withoutBlanks(rdata)).toSorted();
}

describeWith(
  ['dnssec-keygen', 'dnssec-signzone', 'dnssec-verify', 'ldns-verify-zone', 'named'],
  'a zone of BIND with a KSK and a ZSK',
  () => {
    test('is taken over with both: what BIND signed and what comes from here verify by the same keys', async () => {
      using dir = makeTempDir();
      const [ksk, zsk] = [await makeKey(dir, '-f', 'KSK'), await makeKey(dir)];
      const zone = `$TTL 3600\n@ SOA ns1 host 1 7200 3600 1209600 3600\n@ NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.1\n`;
      writeFileSync(dir.at('zone'), zone);
      await call(dir, getTool('dnssec-signzone'), '-S', '-O', 'full', '-o', name, '-f', 'signed', 'zone');
      const theirs = readFileSync(dir.at('signed'), 'latin1');
      await using named = await startNamed([{ origin: `${name}.`, text: theirs }]);
      const apex = canonical(`${name}.`);
      const patience = { waits: [5000, 10_000], tcpWait: 20_000 };
      const known = [{ zone: apex, servers: [{ host: '127.0.0.1', port: named.port }] }];

      await using world = await ManagedWorld.open({ start: Date.now() });
      world.elsewhere = await openKeySetProbe({ known, patience }).lookUpKeySets(apex);
      expect(world.elsewhere).toMatchObject([{ server: `127.0.0.1 port ${named.port}`, dnskeys: [{}, {}] }]);
      world.parent.servers.a = world.parent.servers.b = [ksk.keyTag];
      const kmsKeyIdentity = await importKey(world, dir, ksk);
      const pair = { kmsKeyIdentity, zskKmsKeyIdentity: await importKey(world, dir, zsk) };
      await world.call('POST', '/zones', { zoneName: name }); // which no resolver sees unsigned
      const taken = { region: 'nl-01', ...pair, takeover: true };
      expect(await world.call('PUT', `/zones/${name}/dnssec`, taken)).toMatchObject({ status: 200 });
      expect((await world.keys(name)).map((key) => [key.role, key.keyTag, shownStates(key)])).toEqual([
        ['ksk', ksk.keyTag, 'o-oo'],
        ['zsk', zsk.keyTag, 'or--'],
      ]);
      const ours = await world.text(name);
      expect(dnskeysIn(ours)).toEqual([ksk.dnskey, zsk.dnskey].toSorted());
      expect(dnskeysIn(theirs)).toEqual(dnskeysIn(ours));
      expect(await judge('dnssec-verify', { origin: `${name}.`, text: ours })).toMatchObject({ accepted: true });
      await settle(world, name);
      await world.rotate(pair.zskKmsKeyIdentity);
      await settle(world, name);
      const rolled = await world.text(name);
      expect(dnskeysIn(rolled)).not.toContain(zsk.dnskey);
      const judged = { origin: `${name}.`, text: rolled, at: world.now };
      expect(await judge('ldns-verify-zone', judged)).toMatchObject({ accepted: true });
    });
  },
);
