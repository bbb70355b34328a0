import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeClock } from '#test/support/fake-clock.ts';
import { type ApiAnswer, type ApiCall, type OpenService, openService } from '#test/support/open-service.ts';

let opened: OpenService;
const call: ApiCall = (...args) => opened.call(...args);

async function makeZone(zoneName: string, described: object = {}): Promise<string> {
  const made = await call('POST', '/dns/zones', { zoneName, ...described });
  expect(made.status).toBe(201);
  return `/dns/zones/${made.body.identity}`;
}

async function exported(zone: string): Promise<string> {
  return (await call('GET', `${zone}/export`)).body.zoneFile;
}

const namesOf = ({ body }: ApiAnswer) => body.map(({ name }: { name: string }) => name);

beforeAll(async () => {
  const settings = { ZONESEAL_NAME_SERVERS: 'ns1.example.net,ns2.example.net' };
  opened = await openService({ clock: new FakeClock(1_800_000_000_000), settings });
});
afterAll(() => opened[Symbol.asyncDispose]());

describe('zones as clients know them', () => {
  test('labels select zones, and one that is named twice selects none by accident', async () => {
    await makeZone('one.labels.example', { labels: { 'team/a': 'x y', stage: 'live' } });
    await makeZone('two.labels.example', { labels: { 'team/a': 'x y' } });
    const zones = '/dns/zones?matchLabels%5Bteam%2Fa%5D=x+y';
    expect(namesOf(await call('GET', zones))).toEqual(
      expect.arrayContaining(['one.labels.example', 'two.labels.example']),
    );
    expect(namesOf(await call('GET', `${zones}&matchLabels[stage]=live`))).toEqual(['one.labels.example']);
    const twice = await call('GET', '/dns/zones?matchLabels[stage]=live&matchLabels[stage]=test');
    expect(twice.status).toBe(400);
    expect(twice.body.message).toContain('matchLabels[stage]');
  });

  test('a list is whole unless pages are asked for', async () => {
    const names = ['a', 'b', 'c'].map((label) => `${label}.pages.example`);
    for (const name of names) await makeZone(name, { labels: { pages: 'yes' } });
    const list = '/dns/zones?matchLabels[pages]=yes';
    const whole = await call('GET', list);
    expect(namesOf(whole).toSorted()).toEqual(names);
    expect(whole.headers.get('x-next-cursor')).toBeNull();
    const seen: string[] = [];
    let cursor: string | null = '';
    do {
      const after: string = cursor === '' ? '' : `&after=${encodeURIComponent(cursor)}`;
      const page: ApiAnswer = await call('GET', `${list}&limit=2${after}`);
      expect(page.body.length).toBeLessThanOrEqual(2);
      seen.push(...namesOf(page));
      cursor = page.headers.get('x-next-cursor');
    } while (cursor !== null);
    expect(seen).toEqual(namesOf(whole));
    expect((await call('GET', '/dns/zones?limit=0')).status).toBe(400);
    expect((await call('GET', '/dns/zones?after=nonsense')).status).toBe(400);
  });

  test('a zone of a project is seen with that project alone', async () => {
    const made = await call('POST', '/dns/zones', { zoneName: 'own.example' }, { 'x-project-identity': 'p-1' });
    expect(made.body).toMatchObject({ projectId: 'p-1' });
    expect((await call('GET', '/dns/zones/own.example', undefined, { 'x-project-identity': 'p-1' })).status).toBe(200);
    expect((await call('GET', '/dns/zones/own.example')).status).toBe(404);
  });

  test('what goes wrong has a message, a code and a request identity', async () => {
    const { status, headers, body } = await call('GET', '/dns/zones/none.example');
    expect(status).toBe(404);
    expect(body).toMatchObject({ message: expect.stringContaining('none.example'), code: 'not-found' });
    expect(body.requestId).toBe(headers.get('x-request-id'));
  });
});

describe('records as clients know them', () => {
  test('@ and * name records in paths, encoded or not, for every method', async () => {
    const zone = await makeZone('paths.example');
    for (const name of ['@', '*']) await call('POST', `${zone}/records`, { name, type: 'A', values: ['192.0.2.1'] });
    for (const name of ['@', '*', '%40', '%2A']) {
      const path = `${zone}/records/${name}/A`;
      expect((await call('GET', path)).body).toMatchObject({ name: decodeURIComponent(name), ttl: 3600 });
      for (const method of ['PUT', 'PATCH']) {
        const answer = await call(method, path, { values: ['192.0.2.3', '192.0.2.2'] });
        expect(answer.body).toMatchObject({ ttl: 3600, values: ['192.0.2.3', '192.0.2.2'] });
      }
    }
    expect((await call('DELETE', `${zone}/records/%2A/A`)).status).toBe(204);
    expect((await call('DELETE', `${zone}/records/*/A`)).status).toBe(404);
  });

  test.each(['a', 'TYPE1', 'AVC'])('the type %j, which would come back as another one, is refused', async (type) => {
    const zone = await makeZone(`type-${type.toLowerCase()}.example`);
    const answer = await call('POST', `${zone}/records`, { name: 'www', type, values: ['192.0.2.1'] });
    expect(answer.status).toBe(400);
    expect(answer.body.message).toContain('/type');
    expect((await call('GET', `${zone}/records`)).body).toEqual([]);
  });

  test.each([
    ['0 issue letsencrypt.org', '0 issue "letsencrypt.org"'],
    ['0 issue letsencrypt.org; validationmethods=dns-01', '0 issue "letsencrypt.org; validationmethods=dns-01"'],
    ['0 issue letsencrypt.org;validationmethods=dns-01', '0 issue "letsencrypt.org;validationmethods=dns-01"'],
    ['0 issuewild ;', '0 issuewild ";"'],
    ['128 issue "ca.example; a=b"', '128 issue "ca.example; a=b"'],
    ['0 iodef mailto:a(b)@c.example', '0 iodef "mailto:a(b)@c.example"'],
    [String.raw`\# 8 0005697373756578`, '0 issue "x"'],
  ])('the CAA value %j is published whole', async (value, line) => {
    const zone = await makeZone(`caa-${Buffer.from(value).toString('hex').slice(-50)}.example`);
    const made = await call('POST', `${zone}/records`, { name: 'c', type: 'CAA', values: [value] });
    expect(made.body).toMatchObject({ values: [value] });
    expect(await exported(zone)).toContain(`CAA\t${line}\n`);
  });

  test('a value that would be published without its end is refused', async () => {
    const zone = await makeZone('comments.example');
    const post = (type: string, value: string) => call('POST', `${zone}/records`, { name: 'x', type, values: [value] });
    const refused = await post('MX', '10 mail.example.net ; the old one');
    expect(refused.status).toBe(400);
    expect(refused.body.message).toMatch(/values\[0\].*";"/);
    expect((await post('NAPTR', '1 1 "u" "E2U+sip" "!^.*$!sip:a;b@c.example!" .')).status).toBe(201);
    expect((await post('TXT', 'v=DKIM1; k=rsa; p=abc')).status).toBe(201);
    expect(await exported(zone)).toContain('"v=DKIM1; k=rsa; p=abc"');
  });
});

describe('a master file that is imported', () => {
  test.each([0, 604_801])('has no TTL of %i, which no record can have', async (ttl) => {
    const zone = await makeZone(`ttl-${ttl}.example`);
    const zoneFile = `a 60 A 192.0.2.1\nb ${ttl} A 192.0.2.1\n`;
    const answer = await call('POST', `${zone}/import`, { zoneFile });
    expect(answer.status).toBe(422);
    expect(answer.body.message).toContain(`b.ttl-${ttl}.example. A has ${ttl}`);
    expect((await call('GET', `${zone}/records`)).body).toEqual([]);
  });
});

describe('the key that a caller names for signing', () => {
  test.each(['aes256-gcm96', 'hmac-sha256'])(
    'is refused when it is of type %s, which signs no zone',
    async (keyType) => {
      const zone = await makeZone(`${keyType}.example`);
      const { body: key } = await call('POST', '/kms/nl-01/keys', { name: keyType, keyType });
      const answer = await call('PUT', `${zone}/dnssec`, { region: 'nl-01', kmsKeyIdentity: key.identity });
      expect(answer.status).toBe(400);
      expect(answer.body.message).toContain(`kmsKeyIdentity: a key of type ${keyType} cannot sign a zone`);
      expect((await call('GET', `${zone}/dnssec`)).body).toEqual({ enabled: false, dsDelegated: false });
    },
  );

  test('comes back while it is named, and only then', async () => {
    const zone = await makeZone('named-key.example');
    const { body: key } = await call('POST', '/kms/nl-01/keys', { name: 'named', keyType: 'ecdsa-p256' });
    const wanted = { region: 'nl-01', kmsKeyIdentity: key.identity };
    for (const _ of [1, 2]) expect((await call('PUT', `${zone}/dnssec`, wanted)).body).toMatchObject(wanted);
    const { body } = await call('GET', `${zone}/dnssec`);
    expect(body.dsRecords[0]).toEqual({
      record: expect.stringMatching(/^\d+ 13 2 [0-9A-F]{64}$/),
      digestTypeName: 'SHA-256',
      keyTag: expect.any(Number),
      algorithm: 13,
      keyRole: 'csk',
      publicKey: expect.stringMatching(/^[\w+/]{86}==$/),
      publishAfter: expect.any(String),
    });
    const without = await call('PUT', `${zone}/dnssec`, { region: 'nl-01' });
    expect(without.status).toBe(200);
    expect(without.body).not.toHaveProperty('kmsKeyIdentity');
  });
});
