import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock } from '#test/support/fake-clock.ts';
import { type OpenService, openService } from '#test/support/open-service.ts';
import { runZoneseal } from '#test/support/run-zoneseal.ts';

const clock = new FakeClock(1_800_000_000_000);
let opened: OpenService;
beforeAll(async () => {
  opened = await openService({ clock });
});
afterAll(() => opened[Symbol.asyncDispose]());

/** Run a command that ends with 0 and tells nothing on stderr. */
async function zoneseal(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await opened.zoneseal(args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

async function signedZone(zoneName: string, more: object = {}): Promise<void> {
  expect((await opened.call('POST', '/dns/zones', { zoneName })).status).toBe(201);
  const signed = await opened.call('PUT', `/dns/zones/${zoneName}/dnssec`, { region: 'nl-01', ...more });
  expect(signed).toMatchObject({ status: 200 });
}

test('a service that does not answer is named', async () => {
  const service = 'http://127.0.0.1:1';
  const { code, stderr } = await runZoneseal(['policy', 'list', '--service', service], { ZONESEAL_TOKEN: 'any' });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `zoneseal: no answer from ${service}: is the service running there?\n`,
  });
});

describe('policy', () => {
  test('a policy is written with durations and words, shown, and kept where nothing else is said', async () => {
    const put = ['policy', 'put', 'strict', 'denial=nsec3', 'validity=20d', 'zonemd=true'];
    expect(await zoneseal(...put)).toMatch(/^version +1$/m);
    expect(JSON.parse(await zoneseal('policy', 'show', 'strict', '--json'))).toMatchObject({
      name: 'strict',
      version: 1,
      policy: { denial: 'nsec3', validity: 1_728_000, zonemd: true, keyType: 'ecdsa-p256' },
    });
    expect(await zoneseal('policy', 'put', 'strict', '--keep', 'zonemd=false')).toMatch(/^version +2$/m);
    expect(await zoneseal('policy', 'show', 'strict')).toMatch(/^denial +nsec3$/m);
    expect(await zoneseal('policy', 'show', 'strict', '--policy-version', '1')).toMatch(/^zonemd +true$/m);
    expect(await zoneseal('policy', 'put', 'strict', 'zonemd=false')).toMatch(/^denial +nsec$/m);
    expect(await zoneseal('policy', 'list')).toMatch(/^default +0 .*\nstrict +3 .*nsec$/m);
  });

  test('a policy is previewed, and then given to the zones that name it', async () => {
    await zoneseal('policy', 'put', 'moving', 'denial=nsec');
    for (const name of ['one', 'two']) await signedZone(`${name}.policy.example`, { policyName: 'moving' });
    await zoneseal('policy', 'put', 'moving', 'denial=nsec3');
    const preview = await zoneseal('policy', 'preview', 'moving');
    expect(preview).toMatch(/^one\.policy\.example +1 → 2 +signed-anew +denial nsec → nsec3$/m);
    expect(preview).toContain('2 zones would be given version 2');
    const denialOf = async () => (await opened.call('GET', '/dns/zones/one.policy.example/dnssec')).body.policy.denial;
    expect(await denialOf()).toBe('nsec');
    const applied = JSON.parse(await zoneseal('policy', 'apply', 'moving', '--json'));
    expect(applied).toMatchObject({ version: 2, left: 0 });
    const names = applied.zones.map((one: { name: string }) => one.name);
    expect(new Set(names)).toEqual(new Set(['one.policy.example', 'two.policy.example']));
    expect(await denialOf()).toBe('nsec3');
    expect(await zoneseal('policy', 'apply', 'moving')).toBe('0 zones have an older version still\n');
  });

  test('a zone that cannot have it is named, and the command fails', async () => {
    await zoneseal('policy', 'put', 'capped', 'denial=nsec');
    for (const name of ['deep', 'flat']) await signedZone(`${name}.capped.example`, { policyName: 'capped' });
    const record = { name: 'long', type: 'A', ttl: 7200, values: ['192.0.2.1'] };
    expect((await opened.call('POST', '/dns/zones/deep.capped.example/records', record)).status).toBe(201);
    await zoneseal('policy', 'put', 'capped', 'maxTtl=1h');
    for (const verb of ['preview', 'apply']) {
      const { code, stdout } = await opened.zoneseal(['policy', verb, 'capped']);
      expect([code, stdout]).toEqual([1, expect.stringMatching(/^deep\.capped\.example .*long/m)]);
    }
    const stands = await opened.call('GET', '/dns/zones/flat.capped.example/dnssec');
    expect(stands.body).toMatchObject({ policyVersion: 2 });
  });

  test.each([
    ['put strict denial', 'must be KEY=VALUE'],
    ['put strict nonsense=1', 'there is no field "nonsense"'],
    ['put strict denial=nsec4', 'denial is one of nsec, nsec3'],
    ['put strict zonemd=yes', 'zonemd is true or false'],
    ['put strict validity=soon', 'policy: validity: "soon" is not a duration'],
    ['show strict --policy-version one', '--policy-version'],
  ])('"%s" is wrong use', async (line, message) => {
    const outcome = await opened.zoneseal(['policy', ...line.split(' ')]);
    expect(outcome).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
  });

  test('what the service refuses is told', async () => {
    const refused = await opened.zoneseal(['policy', 'put', 'strict', 'refresh=30d']);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('400') });
    const none = await opened.zoneseal(['policy', 'show', 'none']);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no policy none') });
  });
});

describe('zone-webhook', () => {
  test('a webhook is made, listed and deleted', async () => {
    const url = 'http://127.0.0.1:9/zones';
    const made = await zoneseal('zone-webhook', 'create', url, '--kind', 'ds-needed', '--kind', 'ds-seen');
    const [identity = '', secret] = made.split('\n');
    expect(secret).toMatch(/^whsec_/);
    const [shown] = JSON.parse(await zoneseal('zone-webhook', 'list', '--json'));
    expect(shown).toMatchObject({ identity, url, kinds: ['ds-needed', 'ds-seen'] });
    expect(shown).not.toHaveProperty('secret');
    expect(await zoneseal('zone-webhook', 'list')).toContain('ds-needed,ds-seen');
    expect(await zoneseal('zone-webhook', 'delete', identity)).toBe(`deleted ${identity}\n`);
    expect(JSON.parse(await zoneseal('zone-webhook', 'list', '--json'))).toEqual([]);
  });

  test('is refused for a kind that there is not, and gone only once', async () => {
    const create = await opened.zoneseal(['zone-webhook', 'create', 'http://127.0.0.1:9/', '--kind', 'none']);
    expect(create).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('400') });
    const remove = await opened.zoneseal(['zone-webhook', 'delete', 'none']);
    expect(remove).toMatchObject({ code: 1, stderr: expect.stringContaining('404') });
  });
});

describe('foreign-keys', () => {
  const zone = 'moves.example';
  const ksk = '257 3 13 kXKkvWU3vGYfTJGl3qBd4qhiWp5aRs7YtkCJxD2d+t7KXqwahww5IgJtxJT2yFItlggazyfXqJEVOmMJ3qT0tQ==';
  const zsk = `256${ksk.slice(3)}`;

  test('keys of another signer are published, shown with what the move waits for, and taken out', async () => {
    await signedZone(zone);
    const [own] = (await opened.call('GET', `/dns/zones/${zone}/dnssec/keys`)).body;
    expect(await zoneseal('foreign-keys', 'list', zone)).toContain(`  ${own.dnskey}\n`);
    const put = await zoneseal('foreign-keys', 'put', zone, ksk, zsk);
    expect(put).toContain('the hand-over waits for:\n');
    expect(put).toMatch(/^\d+ +13 +yes .*kXKkvWU3vGYf/m);
    const file = opened.file('signer.key');
    writeFileSync(
      file,
      `; as BIND writes it\n${zone}. IN DNSKEY ${ksk}\nother.example. IN DNSKEY ${zsk}\n@ IN DNSKEY ${zsk}\n`,
    );
    const same = JSON.parse(await zoneseal('foreign-keys', 'put', `${zone}.`, '--in', file, '--json'));
    expect(same.foreignKeys.map(({ entryPoint }: { entryPoint: boolean }) => entryPoint)).toEqual([true, false]);
    const early = await opened.zoneseal(['foreign-keys', 'hand-over', zone]);
    expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('still depends on our keys') });
    expect(await zoneseal('foreign-keys', 'delete', zone)).toBe(`${zone} has keys of ours alone\n`);
    expect(await zoneseal('foreign-keys', 'list', zone)).toContain('no keys of another signer\n');
  });

  test('a zone is handed over when resolvers know the keys of the other signer', async () => {
    const leaving = 'leaves.example';
    await signedZone(leaving);
    await zoneseal('foreign-keys', 'put', leaving, ksk, zsk);
    const { foreignKeys } = JSON.parse(await zoneseal('foreign-keys', 'list', leaving, '--json'));
    const seen = { keyTag: foreignKeys[0].keyTag };
    expect((await opened.call('POST', `/dns/zones/${leaving}/dnssec/ds-seen`, seen)).status).toBe(200);
    clock.advance(3 * 86_400);
    expect(await zoneseal('foreign-keys', 'list', leaving)).not.toContain('the hand-over waits for');
    expect(await zoneseal('foreign-keys', 'hand-over', leaving)).toContain('stays signed here');
    expect((await opened.call('GET', `/dns/zones/${leaving}/dnssec`)).body).toMatchObject({ leaving: true });
  });

  test('without keys, or with a file that is no master file, it is wrong use', async () => {
    const file = opened.file('broken.key');
    writeFileSync(file, '(((');
    for (const [args, message] of [
      [[], 'foreign-keys delete'],
      [['--in', opened.file('none')], 'cannot be read'],
      [['--in', file], 'broken.key'],
    ] as const) {
      const outcome = await opened.zoneseal(['foreign-keys', 'put', zone, ...args]);
      expect(outcome).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
    }
  });
});

test('each of these commands has an example in its help, and needs a token', async () => {
  for (const [group, verbs] of [
    ['policy', ['list', 'show', 'put', 'preview', 'apply']],
    ['zone-webhook', ['list', 'create', 'delete']],
    ['foreign-keys', ['list', 'put', 'delete', 'hand-over']],
  ] as const) {
    for (const verb of verbs) {
      const { code, stdout } = await runZoneseal([group, verb, '--help']);
      expect([group, verb, code, stdout]).toEqual([
        group,
        verb,
        0,
        expect.stringContaining(`zoneseal ${group} ${verb}`),
      ]);
    }
  }
  const data = opened.file('empty');
  const nobody = await runZoneseal(['policy', 'list', '--service', opened.baseUrl, '--data', data]);
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('ZONESEAL_TOKEN') });
});
