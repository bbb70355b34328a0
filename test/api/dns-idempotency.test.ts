import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock } from '#test/support/fake-clock.ts';
import { type OpenService, openService } from '#test/support/open-service.ts';
import { testToken } from '#test/support/zoneseal.ts';

let opened: OpenService;
beforeAll(async () => {
  opened = await openService({ clock: new FakeClock(1_800_000_000_000) });
});
afterAll(() => opened[Symbol.asyncDispose]());

let keys = 0;
const newKey = () => `once-${++keys}`;

function post(path: string, body: object | undefined, key: string) {
  return opened.call('POST', path, body, { 'idempotency-key': key });
}

/** Post twice under one key, and without one. @returns the first answer, which the second is too */
async function postTwice(path: string, body?: object) {
  const key = newKey();
  const first = await post(path, body, key);
  const second = await post(path, body, key);
  expect([second.status, second.body]).toEqual([first.status, first.body]);
  return first;
}

const versionOf = async (zone: string) => (await opened.call('GET', `/dns/zones/${zone}`)).body.version;

async function newZone(zoneName: string): Promise<string> {
  expect((await opened.call('POST', '/dns/zones', { zoneName })).status).toBe(201);
  return `/dns/zones/${zoneName}`;
}

const addressed = (name: string, address = '192.0.2.1') => ({ name, type: 'A', values: [address] });

describe('a POST that is repeated with its Idempotency-Key', () => {
  test('makes one zone, and is answered as at first after the zone has changed', async () => {
    const key = newKey();
    const body = { zoneName: 'once.example' };
    const first = await post('/dns/zones', body, key);
    expect(first.status).toBe(201);
    await opened.call('POST', '/dns/zones/once.example/records', addressed('www'));
    expect(await post('/dns/zones', body, key)).toMatchObject({ status: 201, body: first.body });
    expect(await opened.call('POST', '/dns/zones', body)).toMatchObject({ status: 409 });
  });

  test('makes one record, one version of changes, one import and one way back', async () => {
    const zone = await newZone('changes.example');
    expect(await postTwice(`${zone}/records`, addressed('www'))).toMatchObject({ status: 201 });
    expect(await versionOf('changes.example')).toBe(2);
    const changes = [
      { action: 'delete', name: 'www', type: 'A' },
      { action: 'create', ...addressed('mail') },
    ];
    const changed = await postTwice(`${zone}/changes`, { changes });
    expect(changed).toMatchObject({ status: 200, body: { version: 3, records: [{ name: 'mail' }] } });
    const imported = await postTwice(`${zone}/import`, { zoneFile: 'new 60 A 192.0.2.9\n', replaceExisting: true });
    expect(imported).toMatchObject({ status: 200, body: { created: 1, deleted: 1, records: [{ name: 'new' }] } });
    expect(await versionOf('changes.example')).toBe(4);
    expect(await postTwice(`${zone}/versions/3/restore`)).toMatchObject({ status: 200, body: { version: 5 } });
    expect(await versionOf('changes.example')).toBe(5);
  });

  test('is answered so too where another thread works on it', async () => {
    const zone = await newZone('bulk.example');
    const lines = Array.from({ length: 6000 }, (_, index) => `a-name-of-some-length-${index} 60 A 192.0.2.1\n`);
    const imported = await postTwice(`${zone}/import`, { zoneFile: lines.join('') });
    expect(imported).toMatchObject({ status: 200, body: { created: 6000 } });
    expect(await versionOf('bulk.example')).toBe(2);
  });

  test('is known by its master file alone', async () => {
    const zone = await newZone('text.example');
    const key = newKey();
    const send = (text: string) =>
      fetch(`${opened.baseUrl}/v1${zone}/import`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${testToken}`,
          'x-organisation-identity': 'o-default',
          'content-type': 'text/dns',
          'idempotency-key': key,
        },
        body: text,
      });
    const [first, second] = [await send('www 60 A 192.0.2.1\n'), await send('www 60 A 192.0.2.1\n')];
    expect([first.status, await first.json()]).toEqual([200, expect.objectContaining({ created: 1 })]);
    expect([second.status, await second.json()]).toEqual([200, expect.objectContaining({ created: 1, skipped: 0 })]);
    expect((await send('www 60 A 192.0.2.2\n')).status).toBe(409);
    expect(await versionOf('text.example')).toBe(2);
  });

  test('is carried out once where it comes many times at once', async () => {
    const zone = await newZone('race.example');
    const key = newKey();
    const changes = [{ action: 'put', ...addressed('www') }];
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(`${zone}/changes`, { changes }, key)));
    expect(answers.map(({ status, body }) => [status, body])).toEqual(
      answers.map(() => [200, expect.objectContaining({ version: 2, added: 2 })]),
    );
    expect(await versionOf('race.example')).toBe(2);
  });

  test('is answered so too where it changed nothing', async () => {
    const zone = await newZone('still.example');
    const key = newKey();
    await opened.call('POST', `${zone}/records`, addressed('www'));
    const changes = [{ action: 'put', ...addressed('www') }];
    const first = await post(`${zone}/changes`, { changes }, key);
    expect(first.body).toMatchObject({ version: 2, added: 0 });
    await opened.call('DELETE', `${zone}/records/www/A`);
    expect((await post(`${zone}/changes`, { changes }, key)).body).toEqual(first.body);
    expect(await versionOf('still.example')).toBe(3);
  });

  test('and asks for something else, or of another zone or organisation, is a conflict', async () => {
    const zone = await newZone('one.example');
    const other = await newZone('other.example');
    const key = newKey();
    expect((await post(`${zone}/records`, addressed('www'), key)).status).toBe(201);
    const asked = [
      [`${zone}/records`, addressed('www', '192.0.2.2')],
      [`${other}/records`, addressed('www')],
      [`${zone}/changes`, { changes: [{ action: 'put', ...addressed('www') }] }],
      ['/dns/zones', { zoneName: 'third.example' }],
    ] as const;
    for (const [path, body] of asked) {
      const answer = await post(path, body, key);
      expect([path, answer.status, answer.body.message]).toEqual([
        path,
        409,
        expect.stringContaining('was used before'),
      ]);
    }
    expect((await opened.call('GET', '/dns/zones/third.example')).status).toBe(404);
    expect(await versionOf('other.example')).toBe(1);
  });

  test('was none if it was refused, or only tried', async () => {
    const zone = await newZone('again.example');
    const key = newKey();
    const put = { changes: [{ action: 'put', ...addressed('www') }] };
    expect((await post(`${zone}/records`, { ...addressed('www'), values: ['nonsense'] }, key)).status).toBe(400);
    expect((await post(`${zone}/changes?dryRun=true`, put, key)).status).toBe(200);
    expect((await post(`${zone}/changes`, put, key)).body).toMatchObject({ version: 2 });
  });

  test('needs a key of printable characters', async () => {
    for (const key of ['two words', 'x'.repeat(256)])
      expect((await post('/dns/zones', { zoneName: 'never.example' }, key)).status).toBe(400);
  });
});

describe('a rollover that is asked for twice with one Idempotency-Key', () => {
  const versionsOf = async (zone: string): Promise<number[]> =>
    (await opened.call('GET', `${zone}/dnssec/keys`)).body.map(({ version }: { version: number }) => version);

  test('begins once', async () => {
    const zone = await newZone('rolls.example');
    expect((await opened.call('PUT', `${zone}/dnssec`, { region: 'nl-01' })).status).toBe(200);
    const key = newKey();
    for (let count = 0; count < 2; count++) expect((await post(`${zone}/dnssec/rollovers`, {}, key)).status).toBe(200);
    expect(await versionsOf(zone)).toEqual([1, 2]);
    expect((await post(`${zone}/dnssec/rollovers`, { role: 'csk' }, key)).status).toBe(409);
  });

  test('replaces a lost key once, and tells of the same outage', async () => {
    const zone = await newZone('lost.example');
    await opened.call('PUT', `${zone}/dnssec`, { region: 'nl-01' });
    const [{ key: lost, keyTag }] = (await opened.call('GET', `${zone}/dnssec/keys`)).body;
    expect((await opened.call('POST', `${zone}/dnssec/ds-seen`, { keyTag })).status).toBe(200);
    const key = newKey();
    const path = `${zone}/dnssec/keys/${lost}/replace`;
    const [first, second] = [await post(path, undefined, key), await post(path, undefined, key)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(first.body.outage).toMatchObject({ zoneSeconds: expect.any(Number) });
    expect(second.body.outage).toEqual(first.body.outage);
    expect(Math.max(...(await versionsOf(zone)))).toBe(2);
  });

  test('adds one standby key', async () => {
    const zone = await newZone('standby.example');
    await opened.call('PUT', `${zone}/dnssec`, { region: 'nl-01' });
    const answer = await postTwice(`${zone}/dnssec/keys`);
    expect(answer).toMatchObject({ status: 200 });
    expect(await versionsOf(zone)).toHaveLength(2);
  });
});
