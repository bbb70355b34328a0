import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatCompactTime } from '#lib/clock.ts';
import { makeSecure } from '#test/support/key-states.ts';
import { ManagedWorld } from '#test/support/managed-world.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

const name = 'digested.example';
const path = `/zones/${name}`;

function change(world: ManagedWorld, address: string) {
  return world.call('POST', `${path}/changes`, {
    changes: [{ action: 'put', name: 'www', type: 'A', values: [address] }],
  });
}

/** Expect exactly one digest, of the version that is published, and nothing wrong with the zone. */
async function expectDigest(world: ManagedWorld): Promise<void> {
  const { serial } = await world.zone(name);
  const found = [...(await world.text(name)).matchAll(/\sIN\sZONEMD\s(\d+) 1 1 /g)].map(([, of]) => Number(of));
  expect(found).toEqual([serial]);
  expect(await world.faults(name)).toEqual([]);
}

describe.each(['nsec', 'nsec3'] as const)('a zone with a digest and %s', (denial) => {
  test('gets it and loses it in one version each, when its policy says so', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await world.signedZone(name, { denial });
    expect(await world.text(name)).not.toContain('ZONEMD');
    const { version } = await world.zone(name);
    const on = { region: 'nl-01', policy: { zonemd: true } };
    expect((await world.call('PUT', `${path}/dnssec?dryRun=true`, on)).body).toMatchObject({
      changes: [{ field: 'zonemd', from: false, to: true }],
      effects: ['signed-anew'],
    });
    expect((await world.call('PUT', `${path}/dnssec`, on)).body).toMatchObject({ policy: { zonemd: true } });
    expect(await world.zone(name)).toMatchObject({ version: version + 1 });
    await expectDigest(world);
    expect((await world.call('GET', `${path}/export`)).body.zoneFile).not.toContain('ZONEMD');

    await world.call('PUT', `${path}/dnssec`, { region: 'nl-01', policy: { zonemd: false } });
    expect(await world.zone(name)).toMatchObject({ version: version + 2 });
    expect(await world.text(name)).not.toContain('ZONEMD');
    await change(world, '192.0.2.7');
    expect(await world.text(name)).not.toContain('ZONEMD');
    expect(await world.faults(name)).toEqual([]);
  });

  test('has a new one in each version, and tells of it in the differences', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await world.signedZone(name, { denial, zonemd: true });
    const { body } = await change(world, '192.0.2.9');
    const { body: differences } = await world.call('GET', `${path}/versions/${body.version}`);
    for (const lines of [differences.removed, differences.added])
      expect(lines.filter((line: string) => /\sZONEMD\s\d+ 1 1 /.test(line))).toHaveLength(1);
    await expectDigest(world);
    await world.call('DELETE', `${path}/dnssec`);
    expect(await world.text(name)).not.toMatch(/ZONEMD|RRSIG/);
  });

  test('keeps it right over many pages of the store', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await world.signedZone(name, { denial, zonemd: true });
    const lines = Array.from({ length: 1100 }, (_, index) => `n${index} A 192.0.2.1\n`);
    const imported = await world.call('POST', `${path}/import`, { zoneFile: lines.join('') });
    expect(imported.body).toMatchObject({ created: 1100 });
    await expectDigest(world);
    for (const owner of ['0', 'n500.a', 'zz'])
      await world.call('POST', `${path}/records`, { name: owner, type: 'TXT', values: ['x'] });
    await world.call('DELETE', `${path}/records/n499/A`);
    await expectDigest(world);
  });

  test('keeps it right through renewals and a rollover', async () => {
    await using world = await ManagedWorld.open({ isTold: true });
    await makeSecure(world, name, { denial, zonemd: true });
    const [{ kmsKeyIdentity }] = await world.keys(name);
    await world.rotate(kmsKeyIdentity);
    const end = world.now + 20 * 86_400;
    while (await world.wake(name, end)) await expectDigest(world);
    expect(await world.keys(name)).toMatchObject([{ version: 2 }]);
  });
});

describeWith(['ldns-verify-zone'], 'a digest, judged by others', () => {
  test.each(['nsec', 'nsec3'] as const)('stands for the zone with %s after changes', async (denial) => {
    await using world = await ManagedWorld.open({ isTold: true });
    await world.signedZone(name, { denial, zonemd: true });
    await change(world, '192.0.2.8');
    using dir = makeTempDir();
    const verdictOf = async (text: string) => {
      writeFileSync(dir.at('zone'), text, 'latin1');
      const at = formatCompactTime(Math.floor(world.now));
      return (await run(getTool('ldns-verify-zone'), ['-Z', '-t', at, dir.at('zone')], { cwd: dir.path })).code;
    };
    const text = await world.text(name);
    expect(await verdictOf(text)).toBe(0);
    // No signature covers the name servers of a delegation: only the digest does.
    expect(text).toContain('ns.elsewhere.net.');
    expect(await verdictOf(text.replace('ns.elsewhere.net.', 'ns.elsewhere.org.'))).not.toBe(0);
  });
});
