import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyZoneText } from '#dnssec/operations/verify-zone-text.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import { createThreadVerifier } from '#dnssec/dnssec.ts';
import { FakeClock } from '#test/support/fake-clock.ts';
import { type ApiCall, type OpenService, openService } from '#test/support/open-service.ts';
import { patience } from '#test/support/patience.ts';

let opened: OpenService;
const clock = new FakeClock(1_800_000_000_000);
const call: ApiCall = (...args) => opened.callDns(...args);

/** Verify what a zone publishes. @returns its faults */
async function faultsOf(zone: string): Promise<string[]> {
  const { body } = await call('GET', `/zones/${zone}/export?signed=true`);
  const text = new TextEncoder().encode(body['zoneFile']);
  const verifier = createThreadVerifier(1);
  try {
    const source = await openZone(
      (async function* () {
        yield text;
      })(),
      'master',
      { fileName: 'zone' },
    );
    const { faults } = await verifyZoneText(source, { at: clock.now() / 1000, anchors: [] }, verifier);
    return faults
      .filter(({ severity }) => severity === 'error')
      .map(({ message, owner, type }) => `${owner} ${type} ${message}`);
  } finally {
    await verifier.close();
  }
}

beforeAll(async () => {
  opened = await openService({ clock, settings: { ZONESEAL_NAME_SERVERS: 'ns1.example.net,ns2.example.net' } });
});
afterAll(() => opened[Symbol.asyncDispose]());

describe('zones and records', () => {
  test('a zone is created, described, found and deleted', async () => {
    const { status, body } = await call('POST', '/zones', { zoneName: 'first.example', labels: { a: 'b' } });
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'first.example', slug: 'first-example', labels: { a: 'b' }, objectVersion: 1 });
    expect(body).not.toHaveProperty('description');
    expect((await call('POST', '/zones', { zoneName: 'first.example' })).status).toBe(409);
    expect((await call('GET', '/zones?matchLabels[a]=b')).body).toHaveLength(1);
    expect((await call('GET', '/zones?matchLabels[a]=c')).body).toHaveLength(0);
    const put = await call('PUT', `/zones/${body['identity']}`, { description: 'd' });
    expect(put.body).toMatchObject({ description: 'd', objectVersion: 2 });
    expect(put.body).not.toHaveProperty('labels');
    expect((await call('DELETE', '/zones/first.example')).status).toBe(204);
    expect((await call('GET', '/zones/first.example')).status).toBe(404);
  });

  test('an organisation has its zones by whatever name it is called, and no other that comes to have this name', async () => {
    const put = (path: string, body: object) => opened.call('PUT', path, body);
    const named = (organisation: string) => ({ 'x-organisation-identity': organisation });
    const { body } = await put('/admin/organisations/o-two', { name: 'Acme Two' });
    expect(body).toMatchObject({ identity: 'o-two', slug: 'acme-two' });
    expect((await call('POST', '/zones', { zoneName: 'two.example' }, named('acme-two'))).status).toBe(201);
    expect((await call('GET', '/zones/two.example', undefined, named('o-two'))).status).toBe(200);
    await put('/admin/organisations/acme-two', { name: 'Another' });
    clock.advance(3); // who callers are is remembered for a moment
    expect((await call('GET', '/zones/two.example', undefined, named('acme-two'))).status).toBe(404);
  });

  test.each(['Upper.example', 'dot.example.', 'single', '', 'a..b', '-a.example', 'a b.example'])(
    'the zone name %j is refused, and not made fit',
    async (zoneName) => {
      expect((await call('POST', '/zones', { zoneName })).status).toBe(400);
    },
  );

  test('records live and die, with their names and values as they were given', async () => {
    await call('POST', '/zones', { zoneName: 'records.example' });
    const created = await call('POST', '/zones/records.example/records', {
      name: 'WWW',
      type: 'A',
      values: ['192.0.2.2', '192.0.2.1'],
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ name: 'WWW', type: 'A', ttl: 3600, values: ['192.0.2.2', '192.0.2.1'] });
    expect(
      (await call('POST', '/zones/records.example/records', { name: 'www', type: 'A', values: ['192.0.2.3'] })).status,
    ).toBe(409);
    const path = `/zones/records.example/records/${created.body['identity']}`;
    expect((await call('PUT', path, { values: ['192.0.2.9'], ttl: 60 })).body).toMatchObject({
      ttl: 60,
      values: ['192.0.2.9'],
    });
    expect((await call('GET', '/zones/records.example/records/www/A')).body).toMatchObject({ values: ['192.0.2.9'] });
    expect((await call('GET', '/zones/records.example/records?recordType=A&name=WWW')).body).toHaveLength(1);
    expect((await call('GET', '/zones/records.example/records?recordType=AAAA')).body).toHaveLength(0);
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
  });

  test.each([
    [{ name: 'www.', type: 'A', values: ['192.0.2.1'] }, 400, 'relative'],
    [{ name: 'www', type: 'A', values: ['192.0.2'] }, 400, 'values[0]'],
    [{ name: 'www', type: 'A', values: [] }, 400, 'values'],
    [{ name: 'www', type: 'RRSIG', values: ['x'] }, 400, 'RRSIG'],
    [{ name: 'www', type: 'A', ttl: 0, values: ['192.0.2.1'] }, 400, 'ttl'],
    [{ name: 'www', type: 'A', ttl: 604_801, values: ['192.0.2.1'] }, 400, 'ttl'],
    [{ name: 'www', type: 'CNAME', values: ['a.example', 'b.example'] }, 400, 'one value'],
    [{ name: '@', type: 'CNAME', values: ['a.example'] }, 422, 'apex'],
    [{ name: 'x', type: 'DS', values: ['1 13 2 00'] }, 422, 'NS'],
  ])('%j is refused with %i', async (record, status, message) => {
    await call('POST', '/zones', { zoneName: 'bad.example' });
    const answer = await call('POST', '/zones/bad.example/records', record);
    expect(answer.status).toBe(status);
    expect(answer.body['message']).toContain(message);
    expect((await call('GET', '/zones/bad.example')).body).toMatchObject({ version: 1 });
  });

  test('changes are made together or not at all, and can be looked at before', async () => {
    await call('POST', '/zones', { zoneName: 'batch.example' });
    const changes = [
      { action: 'create', name: 'a', type: 'TXT', values: ['one; "two"', 'x'.repeat(600)] },
      { action: 'create', name: 'm', type: 'MX', values: ['10 mail.example.net', '20 m2'] },
    ];
    const preview = await call('POST', '/zones/batch.example/changes?dryRun=true', { changes });
    expect(preview.body).toMatchObject({ dryRun: true, version: 2 });
    expect((await call('GET', '/zones/batch.example/records')).body).toHaveLength(0);
    const bad = [...changes, { action: 'delete', name: 'none', type: 'A' }];
    expect((await call('POST', '/zones/batch.example/changes', { changes: bad })).status).toBe(404);
    expect((await call('GET', '/zones/batch.example/records')).body).toHaveLength(0);
    expect((await call('POST', '/zones/batch.example/changes', { changes })).body).toMatchObject({ version: 2 });
    const { body } = await call('GET', '/zones/batch.example/export');
    expect(body['zoneFile']).toContain('mail.example.net.');
    expect(body['zoneFile']).toContain('m2.batch.example.');
    const again = await call('POST', '/zones/batch.example/changes', {
      changes: changes.map((one) => ({ ...one, action: 'put' })),
    });
    expect(again.body).toMatchObject({ version: 2, removed: 0, added: 0 });
  });

  test('a master file is merged or takes the place of what is there, and comes back the same', async () => {
    await call('POST', '/zones', { zoneName: 'import.example' });
    const zoneFile =
      '$TTL 300\n@ SOA a b 1 2 3 4 5\n@ NS ns1.other.example.\nwww A 192.0.2.1\n A 192.0.2.2\ntxt TXT "a" "b"\nodd TYPE999 \\# 2 abcd\n';
    const first = await call('POST', '/zones/import.example/import', { zoneFile });
    expect(first.body).toMatchObject({ created: 4, updated: 0, deleted: 0, skipped: 1 });
    const second = await call('POST', '/zones/import.example/import', { zoneFile });
    expect(second.body).toMatchObject({ created: 0, updated: 0, deleted: 0, skipped: 5 });
    const dry = await call('POST', '/zones/import.example/import?dryRun=true', {
      zoneFile: 'www A 192.0.2.3\n',
      replaceExisting: true,
    });
    expect(dry.body).toMatchObject({ created: 0, updated: 1, deleted: 3 });
    expect((await call('GET', '/zones/import.example/records')).body).toHaveLength(4);
    await call('POST', '/zones/import.example/import', { zoneFile: 'www 300 A 192.0.2.3\n', replaceExisting: true });
    const { body } = await call('GET', '/zones/import.example/export');
    expect(body['zoneFile']).toContain('ns1.example.net.');
    expect(body['zoneFile']).not.toContain('ns1.other.example.');
    expect(
      (await call('POST', '/zones/import.example/import', { zoneFile: 'other.example. A 192.0.2.1\n' })).status,
    ).toBe(422);
    expect(
      (await call('POST', '/zones/import.example/import', { zoneFile: 'www A nonsense\n' })).body['message'],
    ).toContain('zoneFile:1');
  });

  test('versions tell what they changed, and an earlier one can be had back', async () => {
    await call('POST', '/zones', { zoneName: 'history.example' });
    const record = (value: string) => ({ name: 'www', type: 'A', values: [value] });
    await call('POST', '/zones/history.example/records', record('192.0.2.1'));
    await call('POST', '/zones/history.example/changes', {
      reason: 'move',
      changes: [
        { action: 'put', ...record('192.0.2.2') },
        { action: 'create', name: 'b', type: 'TXT', values: ['x'] },
      ],
    });
    const { body: versions } = await call('GET', '/zones/history.example/versions');
    expect(versions.map(({ version, reason }: { version: number; reason: string }) => [version, reason])).toEqual([
      [3, 'move'],
      [2, 'record created'],
      [1, 'zone created'],
    ]);
    const { body: third } = await call('GET', '/zones/history.example/versions/3');
    expect(third['removed'].join('\n')).toContain('192.0.2.1');
    expect(third['added'].join('\n')).toContain('192.0.2.2');
    const restored = await call('POST', '/zones/history.example/versions/2/restore');
    expect(restored.body).toMatchObject({ version: 4 });
    expect(
      (await call('GET', '/zones/history.example/records')).body.map(
        ({ name, values }: { name: string; values: string[] }) => [name, values],
      ),
    ).toEqual([['www', ['192.0.2.1']]]);
  });

  test('others neither see nor change a zone', async () => {
    await call('POST', '/zones', { zoneName: 'private.example' });
    expect((await call('GET', '/zones/private.example', undefined, { 'x-project-identity': 'p' })).status).toBe(404);
    expect((await call('GET', '/zones/private.example', undefined, { authorization: 'Bearer wrong' })).status).toBe(
      401,
    );
    const limited = { name: 'signer', organisation: 'o-default', policies: ['kms:Sign'] };
    const { secret } = (await opened.call('POST', '/admin/tokens', limited)).body;
    expect((await call('GET', '/zones/private.example', undefined, { authorization: `Bearer ${secret}` })).status).toBe(
      404,
    );
  });
});

describe.each([
  ['NSEC', { denial: 'nsec' }],
  ['NSEC3', { denial: 'nsec3' }],
  ['NSEC3 with opt-out', { denial: 'nsec3', optOut: true }],
])('a zone kept signed with %s', (kind, policy) => {
  const name = `${kind.toLowerCase().replaceAll(' ', '-')}.example`;
  const put = (record: object) => ({ action: 'put', ...record });

  test('is signed at once, follows every change, and is always valid', async () => {
    await call('POST', '/zones', { zoneName: name });
    expect((await call('GET', `/zones/${name}/dnssec`)).body).toEqual({ enabled: false, dsDelegated: false });
    const on = await call('PUT', `/zones/${name}/dnssec`, { region: 'nl-01', policy });
    expect(on.status).toBe(200);
    expect(on.body).toMatchObject({ enabled: true, region: 'nl-01', policy });
    expect(on.body).not.toHaveProperty('kmsKeyIdentity');
    expect(on.body['dsRecords']).toHaveLength(2);
    expect(await faultsOf(name)).toEqual([]);
    const steps = [
      [put({ name: 'www', type: 'A', values: ['192.0.2.1'] })],
      [put({ name: 'a.b.c', type: 'TXT', values: ['deep'] }), put({ name: '*', type: 'TXT', values: ['wild'] })],
      [
        put({ name: 'sub', type: 'NS', values: ['ns.sub', 'ns.example.net'] }),
        put({ name: 'ns.sub', type: 'A', values: ['192.0.2.5'] }),
      ],
      [put({ name: 'sub', type: 'DS', values: [`1 13 2 ${'00'.repeat(32)}`] })],
      [{ action: 'delete', name: 'a.b.c', type: 'TXT' }],
      [
        { action: 'delete', name: 'sub', type: 'DS' },
        { action: 'delete', name: 'sub', type: 'NS' },
      ],
    ];
    for (const changes of steps) {
      const answer = await call('POST', `/zones/${name}/changes`, { changes });
      expect(answer.status).toBe(200);
      expect(await faultsOf(name)).toEqual([]);
    }
  });

  test('renews its signatures before they run out, and says when', async () => {
    const { body: before } = await call('GET', `/zones/${name}/dnssec`);
    const { body: zone } = await call('GET', `/zones/${name}`);
    clock.advance((Date.parse(before['nextRefreshAt']) - clock.now()) / 1000 + 1);
    await expect
      .poll(async () => (await call('GET', `/zones/${name}/dnssec`)).body['nextRefreshAt'] > before['nextRefreshAt'], {
        timeout: patience,
      })
      .toBe(true);
    expect((await call('GET', `/zones/${name}`)).body['serial']).toBeGreaterThan(zone['serial']);
    expect(await faultsOf(name)).toEqual([]);
  });

  test('changes its kind of denial in one version', async () => {
    const other = policy.denial === 'nsec' ? 'nsec3' : 'nsec';
    const changed = await call('PUT', `/zones/${name}/dnssec`, {
      region: 'nl-01',
      policy: { denial: other, optOut: false },
    });
    expect(changed.body['policy']).toMatchObject({ denial: other });
    expect(await faultsOf(name)).toEqual([]);
  });

  test('stays signed after it is switched off, until no resolver can hold the DS that it asked for', async () => {
    expect((await call('DELETE', `/zones/${name}/dnssec`)).status).toBe(204);
    const { body: leaving } = await call('GET', `/zones/${name}/dnssec`);
    expect(leaving).toMatchObject({ enabled: false, dsDelegated: false, leaving: true, dsRecords: [] });
    expect(await faultsOf(name)).toEqual([]);
    const { body: signed } = await call('GET', `/zones/${name}/export?signed=true`);
    expect(signed['zoneFile']).toMatch(/CDS\s+0 0 0 00/);
    expect(signed['zoneFile']).toMatch(/CDNSKEY\s+0 3 0 AA==/);
    const { body: told } = await call('POST', `/zones/${name}/dnssec/ds-gone`);
    const until = Date.parse(told['signingKeys'][0]['waiting'].find((one: object) => 'until' in one)['until']);
    expect(until - clock.now()).toBeGreaterThanOrEqual((86_400 + 3600 + 3600) * 1000);
    clock.advance((until - clock.now()) / 1000);
    await expect
      .poll(async () => (await call('GET', `/zones/${name}/dnssec`)).body, { timeout: patience })
      .toEqual({ enabled: false, dsDelegated: false });
    expect((await call('GET', `/zones/${name}/export?signed=true`)).body['zoneFile']).not.toMatch(/RRSIG|DNSKEY|CDS/);
  });

  test('is unsigned at once when it is switched off before anyone could know its DS', async () => {
    const fresh = `fresh.${name}`;
    await call('POST', '/zones', { zoneName: fresh });
    const { body } = await call('PUT', `/zones/${fresh}/dnssec`, { region: 'nl-01', policy });
    expect(Date.parse(body['dsRecords'][0]['publishAfter'])).toBeGreaterThan(clock.now());
    expect((await call('DELETE', `/zones/${fresh}/dnssec`)).status).toBe(204);
    expect((await call('GET', `/zones/${fresh}/dnssec`)).body).toEqual({ enabled: false, dsDelegated: false });
    expect((await call('GET', `/zones/${fresh}/export?signed=true`)).body['zoneFile']).not.toContain('RRSIG');
  });
});
