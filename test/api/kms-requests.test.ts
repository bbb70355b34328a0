import { once } from 'node:events';
import { connect } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { createHttp, listenOnTcp, mount } from '#app/http.ts';
import { kmsStatuses } from '#kms/http/statuses.ts';
import { limitBodies } from '#kms/http/body-budget.ts';
import { rotateDueKeys } from '#kms/operations/change-by-system.ts';
import { type KmsApi, openKmsApi } from '#test/support/kms-api.ts';

const keys = '/v1/kms/nl-01/keys';

let api: KmsApi;
beforeAll(async () => {
  api = await openKmsApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const create = async (name: string, more: object = {}) => {
  const { status, body } = await api.call('POST', keys, { name, keyType: 'ed25519', ...more });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body;
};

describe('before its body is read, a call', () => {
  test.each([
    ['is of the wrong type', 'x', { 'content-type': 'text/plain' }],
    ['is not JSON', '{', {}],
    ['breaks the schema', { colour: 'red' }, {}],
  ])('of a stranger is 401, also when it %s', async (_what, body, headers) => {
    const answer = await api.call('POST', keys, body, { ...headers, authorization: 'Bearer stranger' });
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  });

  test('of someone who has used up the allowance is 429, and no event of the audit log', async () => {
    await using limited = await openKmsApi({ rateLimit: 1000 });
    const { identity } = (await limited.call('POST', keys, { name: 'k', keyType: 'ed25519' })).body;
    const batch = Array.from({ length: 1000 }, () => ({ input: 'AAAA' }));
    expect((await limited.call('POST', `${keys}/${identity}/sign`, { batch })).status).toBe(200);
    const refused = await limited.call('POST', `${keys}/${identity}/sign`, '{', { 'content-type': 'application/json' });
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': expect.any(String) } });
    expect((await limited.call('GET', '/v1/kms/summary')).status).toBe(429);
    limited.clock.advance(3600);
    const { body } = await limited.call('GET', '/v1/audit?outcome=denied');
    expect(body).toEqual([]);
  });

  test('with a big body is 503 while other big bodies fill the memory for them', async () => {
    const app = await createHttp({ bodyLimit: 1_000_000 });
    const routes: FastifyPluginAsyncTypebox = async (scope) => {
      limitBodies(scope, 300_000);
      scope.post('/', () => ({ done: true }));
    };
    await mount(app, routes, {}, kmsStatuses);
    const url = new URL(await listenOnTcp(app, '127.0.0.1', 0));
    const post = async (octets: number) => {
      const body = JSON.stringify('x'.repeat(octets - 2));
      const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      await answer.text();
      return [answer.status, answer.headers.get('retry-after')];
    };
    const slow = connect(Number(url.port), url.hostname);
    await once(slow, 'connect');
    const lines = ['POST / HTTP/1.1', 'Host: x', 'Content-Type: application/json', 'Content-Length: 200000', '', '"'];
    slow.write(lines.join('\r\n'));
    while ((await post(150_000))[0] !== 503) await sleep(5); // until the slow one is known
    expect(await post(150_000)).toEqual([503, '1']);
    expect(await post(90_000)).toEqual([200, null]);
    expect(await post(1000)).toEqual([200, null]);
    slow.destroy();
    while ((await post(150_000))[0] !== 200) await sleep(5);
    expect(await post(900_000)).toEqual([200, null]); // alone, as big as its route allows
    await app.close();
  });
});

describe('lists', () => {
  test('are filtered by labels exactly, or the filter is refused', async () => {
    await create('labelled', { labels: { env: 'a', 'x.y/z': 'b c', constructor: 'd' } });
    const names = async (query: string) => {
      const { status, body } = await api.call('GET', `${keys}?${query}`);
      return status === 200 ? body.map(({ name }: { name: string }) => name) : `${status} ${body.code}`;
    };
    expect(await names('matchLabels[env]=a')).toEqual(['labelled']);
    expect(await names('matchLabels%5Benv%5D=a&matchLabels%5Bx.y%2Fz%5D=b%20c')).toEqual(['labelled']);
    expect(await names('matchLabels[env]=A')).toEqual([]);
    expect(await names('matchLabels[none]=')).toEqual([]);
    expect(await names('matchLabels[__proto__]=a')).toEqual([]);
    expect(await names('matchLabels[constructor]=d')).toEqual(['labelled']);
    for (const query of [
      'matchLabels[env]=a&matchLabels[env]=b',
      'matchLabels[]=a',
      'matchLabels[env=a',
      'matchLabels=a',
    ])
      expect([query, await names(query)]).toEqual([query, '400 payload-invalid']);
    expect(await names('name=a&name=b')).toBe('400 request-invalid');
  });
});

describe('a slug', () => {
  test('names a key through its deletion and back', async () => {
    const { identity, slug } = await create('Named by Slug');
    expect(slug).toBe('named-by-slug');
    const deleted = await api.call('DELETE', `${keys}/${slug}`);
    expect(deleted).toMatchObject({ status: 200, body: { identity, status: 'pending_deletion' } });
    expect((await api.call('DELETE', `${keys}/${slug}`)).body).toEqual(deleted.body);
    expect((await api.call('DELETE', `${keys}/${slug}/cancel-deletion`)).body).toMatchObject({ status: 'active' });
    await api.call('DELETE', `${keys}/${slug}`);
    const second = await create('Named by Slug');
    expect((await api.call('GET', `${keys}/${slug}`)).body.identity).toBe(second.identity);
    const taken = await api.call('DELETE', `${keys}/${identity}/cancel-deletion`);
    expect(taken).toMatchObject({ status: 409, body: { code: 'slug-conflict' } });
  });

  test('is of each name its own, whatever its letters', async () => {
    const slugs = [await create('ключ'), await create('замок')].map(({ slug }) => slug);
    for (const slug of slugs) expect(slug).toMatch(/^key-[0-9a-f]{8}$/);
    expect(slugs[0]).not.toBe(slugs[1]);
    expect((await api.call('POST', keys, { name: 'ключ' })).status).toBe(409);
  });
});

describe('an organisation that is called by its slug', () => {
  test('finds all of its events, and what was done to its tokens', async () => {
    await api.call('PUT', '/v1/admin/organisations/o-acme', { name: 'Acme Corp' });
    const headers = { 'x-organisation-identity': 'acme-corp' };
    const { identity } = (await api.call('POST', keys, { name: 'of acme' }, headers)).body;
    await api.call('POST', `${keys}/${identity}/rotate`, undefined, headers);
    await api.call('POST', `${keys}/kms-none/rotate`, undefined, headers);
    await api.call('POST', '/v1/admin/tokens', { name: 't', policies: ['kms:List'], organisation: 'o-acme' });
    for (const organisation of ['acme-corp', 'o-acme']) {
      const audit = await api.call('GET', '/v1/audit', undefined, { 'x-organisation-identity': organisation });
      expect(audit.body.map(({ operation, outcome }: Record<string, string>) => `${operation} ${outcome}`)).toEqual([
        'kms.create allowed',
        'kms.rotate allowed',
        'kms.rotate denied',
        'admin.token.create allowed',
      ]);
    }
  });
});

test('of many rotations of one key at a time each gets its version', async () => {
  const { identity } = await create('rotated by many');
  const answers = await Promise.all(Array.from({ length: 15 }, () => api.call('POST', `${keys}/${identity}/rotate`)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect((await api.call('GET', `${keys}/${identity}`)).body.latestVersion).toBe(16);
});

test('a repeated creation is in the audit log as one of the same key', async () => {
  const repeatable = { 'idempotency-key': 'audited-once' };
  const wanted = { name: 'audited once', keyType: 'ed25519' };
  const { identity } = (await api.call('POST', keys, wanted, repeatable)).body;
  expect((await api.call('POST', keys, wanted, repeatable)).body.identity).toBe(identity);
  const { body } = await api.call('GET', `/v1/audit?key=${identity}`);
  expect(body.map(({ operation }: { operation: string }) => operation)).toEqual(['kms.create', 'kms.create']);
});

test('a repeated rotation is in the audit log under the version that it answered, also of a key disabled since', async () => {
  const { identity } = await create('rotated once');
  const rotateOnce = () =>
    api.call('POST', `${keys}/${identity}/rotate`, undefined, { 'idempotency-key': 'turn-once' });
  await rotateOnce();
  expect((await rotateOnce()).body.latestVersion).toBe(2);
  await api.call('POST', `${keys}/${identity}/disable`);
  expect(await rotateOnce()).toMatchObject({ status: 200, body: { latestVersion: 2, status: 'disabled' } });
  const { body } = await api.call('GET', `/v1/audit?key=${identity}&operation=kms.rotate`);
  expect(body.map(({ outcome, version }: Record<string, unknown>) => ({ outcome, version }))).toEqual(
    Array.from({ length: 3 }, () => ({ outcome: 'allowed', version: 2 })),
  );
});

test('HEAD answers as GET does, without the body, and to nobody else', async () => {
  const { identity } = await create('headed');
  for (const path of [keys, `${keys}/${identity}`, `${keys}/${identity}/public-key`, '/v1/kms/summary']) {
    const [get, head] = [await api.call('GET', path), await api.call('HEAD', path)];
    expect(head).toMatchObject({ status: 200, body: '' });
    for (const name of ['content-type', 'content-length']) expect(head.headers[name]).toBe(get.headers[name]);
  }
  expect(await api.call('HEAD', `${keys}/unknown`)).toMatchObject({ status: 404 });
  expect(await api.call('HEAD', keys, undefined, { authorization: 'Bearer stranger' })).toMatchObject({ status: 401 });
  expect(await api.call('HEAD', `${keys}/${identity}/rotate`)).toMatchObject({ status: 404 });
});

test('a token of one project sees no counts of others', async () => {
  const bearer = await api.tokenFor({ policies: ['kms:FullAccess'], project: 'p-1' });
  const summary = (more: object) => api.call('GET', '/v1/kms/summary', undefined, { ...bearer, ...more });
  expect(await summary({ 'x-project-identity': 'p-1' })).toMatchObject({ status: 200 });
  expect(await summary({})).toMatchObject({ status: 404, body: { code: 'not-found' } });
  expect(await summary({ 'x-project-identity': 'p-2' })).toMatchObject({ status: 404, body: { code: 'not-found' } });
});

test('an HMAC takes both names of its field, and every spelling of its hash', async () => {
  const { identity } = await create('mac', { keyType: 'hmac-sha512' });
  const hmac = async (more: object) => {
    const { status, body } = await api.call('POST', `${keys}/${identity}/hmac`, { input: 'AAAA', ...more });
    return status === 200 ? body.hmac : `${status} ${body.code}`;
  };
  const right = await hmac({});
  for (const name of ['sha2-512', 'sha512', 'SHA-512', 'hmac-sha512', 'HMAC-SHA512']) {
    expect(await hmac({ algorithm: name })).toBe(right);
    expect(await hmac({ hashAlgorithm: name })).toBe(right);
  }
  expect(await hmac({ algorithm: 'sha512', hashAlgorithm: 'hmac-sha512' })).toBe(right);
  expect(await hmac({ algorithm: 'sha512', hashAlgorithm: 'sha256' })).toBe('400 hash-invalid');
  expect(await hmac({ algorithm: 'sha256' })).toBe('400 hash-invalid');
});

test('an access token says how long it is valid, which its client may cut short', async () => {
  const wanted = { name: 'c', kind: 'client', policies: ['kms:List'], organisation: 'o-default', lifetime: 60 };
  const { identity, secret } = (await api.call('POST', '/v1/admin/tokens', wanted)).body;
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: identity, client_secret: secret });
  const headers = { authorization: '', 'content-type': 'application/x-www-form-urlencoded' };
  api.clock.advance(20);
  expect((await api.call('POST', '/oidc/token', form.toString(), headers)).body).toMatchObject({ expires_in: 40 });
});

test('a token that the operator chose may have three parts; only a JWT is asked of its issuer', async () => {
  const issuer = { issuer: 'http://127.0.0.1:9', audience: 'zoneseal' };
  await using other = await openKmsApi({ adminToken: 'a.chosen.token', jwtIssuer: issuer });
  expect((await other.call('GET', keys, undefined, { authorization: 'Bearer a.chosen.token' })).status).toBe(200);
  const jwt = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.e30.AAAA`;
  const answer = await other.call('GET', keys, undefined, { authorization: `Bearer ${jwt}` });
  expect(answer).toMatchObject({ status: 503, body: { code: 'issuer-unavailable' } }); // nothing listens there
});

test('one key whose rows were changed keeps no other from its rotation', async () => {
  await using own = await openKmsApi();
  const rotating = { keyType: 'ed25519', keyRotationEnabled: true, rotationPeriodInDays: 1 };
  const [bad, good] = await Promise.all(
    ['bad', 'good'].map(async (name) => (await own.call('POST', keys, { name, ...rotating })).body.identity as string),
  );
  const database = new DatabaseSync(own.dir.at('kms.sqlite'));
  database.prepare('UPDATE keys SET name = ? WHERE identity = ?').run('changed', bad!);
  database.close();
  await own.call('POST', keys, { name: 'makes it forget what it read' });
  own.clock.advance(86_400);
  const failed: string[] = [];
  expect(await rotateDueKeys(own.kms.ports, (_error, key) => failed.push(key))).toBe(1);
  expect(failed).toEqual([bad]);
  expect((await own.call('GET', `${keys}/${good}`)).body.latestVersion).toBe(2);
});
