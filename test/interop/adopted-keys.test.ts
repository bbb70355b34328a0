import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { wrapForImport } from '#kms/core/wrapping.ts';
import { encodeBase64 } from '#lib/encoding.ts';
import { judge } from '#test/support/judges.ts';
import { shownStates } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

const name = 'adopted.example';

/** The commands of the README that make PKCS#8 of a private key of algorithm 13 as BIND keeps it. */
const conversion = `
{ printf '\\060\\061\\002\\001\\001\\004\\040'; sed -n 's/^PrivateKey: //p' "$1" | base64 -d
  printf '\\240\\012\\006\\010\\052\\206\\110\\316\\075\\003\\001\\007'; } | openssl pkcs8 -topk8 -nocrypt -inform DER -out "$2"`;

describeWith(['dnssec-keygen', 'dnssec-dsfromkey', 'dnssec-verify', 'openssl'], 'a key of BIND that is adopted', () => {
  test('keeps its DNSKEY and its tag, so that the DS at the parent stays valid', async () => {
    using dir = makeTempDir();
    const tool = async (command: string, ...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(command, args, { cwd: dir.path });
      expect([stderr, code]).toEqual([expect.any(String), 0]);
      return stdout;
    };
    await tool(getTool('dnssec-keygen'), '-q', '-a', '13', '-f', 'KSK', name);
    const base = readdirSync(dir.path)
      .find((file) => file.endsWith('.key'))!
      .replace(/\.key$/, '');
    const ds = (await tool(getTool('dnssec-dsfromkey'), '-a', 'SHA-256', `${base}.key`)).trim().split(' DS ')[1];
    const keyTag = Number(base.split('+').at(-1));
    await tool('sh', '-c', `umask 077; ${conversion}`, 'sh', `${base}.private`, 'key.pem');
    expect(statSync(join(dir.path, 'key.pem')).mode & 0o077).toBe(0);

    await using world = await ManagedWorld.open({ start: Date.now() });
    const { body: wrapping } = await world.call('GET', '/v1/kms/nl-01/wrapping-key');
    const material = readFileSync(join(dir.path, 'key.pem'));
    const importKeyMaterial = encodeBase64(wrapForImport(wrapping.publicKey, material));
    const made = await world.call('POST', '/v1/kms/nl-01/keys', {
      name: 'adopted',
      keyType: 'ecdsa-p256',
      importKeyMaterial,
    });
    expect(made.status).toBe(201);
    world.parent.servers.a = world.parent.servers.b = [keyTag];
    await world.signedZone(name, undefined, { kmsKeyIdentity: made.body.identity, takeover: true });

    const [key] = await world.keys(name);
    const bindKey = readFileSync(join(dir.path, `${base}.key`), 'latin1')
      .split('\n')
      .find((line) => line.includes(' DNSKEY '));
    expect(key.dnskey.replaceAll(' ', '')).toBe(bindKey?.split(' DNSKEY ')[1]?.replaceAll(' ', ''));
    expect([key.keyTag, shownStates(key)]).toEqual([keyTag, 'oroo']);
    const { body } = await world.call('GET', `/zones/${name}/dnssec`);
    const records = body.dsRecords.map(({ record }: { record: string }) => record.replaceAll(' ', '').toLowerCase());
    expect(records).toContain(ds?.replaceAll(' ', '').toLowerCase());
    const text = await world.text(name);
    expect(await judge('dnssec-verify', { origin: `${name}.`, text })).toMatchObject({ accepted: true });
    await world.pass(name, 2 * 86_400);
    expect((await world.keys(name)).map(shownStates)).toEqual(['oooo']);
  });
});
