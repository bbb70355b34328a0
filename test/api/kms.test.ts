import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPublicKey, verify } from 'node:crypto';
import type { KmsKey } from '#kms/api.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { type Answer, type Method, startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

const dir = makeTempDir();
let service: Zoneseal;
beforeAll(async () => {
  service = await startZoneseal({ data: dir.at('data') });
});
afterAll(async () => {
  await service.stop();
  dir[Symbol.dispose]();
});

const call = (method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> =>
  service.call(method, `/v1/kms${path}`, body, headers);
let made = 0;
const create = async (more: object = {}, headers?: Record<string, string>): Promise<KmsKey> => {
  const { status, body } = await call(
    'POST',
    '/nl-01/keys',
    { name: `key ${++made}`, keyType: 'ecdsa-p256', ...more },
    headers,
  );
  expect(status).toBe(201);
  return body as KmsKey;
};

describe('keys', () => {
  test('a created key shows what was set and no defaults for what was not', async () => {
    const key = await create({ name: 'Plain one' });
    expect(key).toMatchObject({
      name: 'Plain one',
      slug: 'plain-one',
      status: 'active',
      latestVersion: 1,
      objectVersion: 1,
      exportAllowed: false,
    });
    for (const field of [
      'description',
      'labels',
      'annotations',
      'rotationPeriodInDays',
      'projectId',
      'deletionScheduledAt',
    ])
      expect(key).not.toHaveProperty(field);
    expect(key.identity).toMatch(/^kms-/);
    expect(key.versions).toEqual([{ version: 1, status: 'active', createdAt: key.createdAt }]);
  });

  test('reads and crypto calls change neither updatedAt nor objectVersion', async () => {
    const key = await create();
    await call('POST', `/nl-01/keys/${key.identity}/sign`, { input: 'AAAA' });
    await call('GET', `/nl-01/keys/${key.identity}/public-key`);
    expect((await call('GET', `/nl-01/keys/${key.slug}`)).body).toEqual(key);
  });

  test('a slug is taken once in a scope', async () => {
    const key = await create();
    expect(await call('POST', '/nl-01/keys', { name: key.name })).toMatchObject({
      status: 409,
      body: { code: 'slug-conflict' },
    });
    expect((await call('POST', '/nl-01/keys', { name: key.name }, { 'x-project-identity': 'p-1' })).status).toBe(201);
  });

  test('lists filter by all conditions and show keys that wait for their deletion', async () => {
    const key = await create({ labels: { team: 'dns' } });
    await call('DELETE', `/nl-01/keys/${key.identity}`);
    const { body } = await call('GET', '/nl-01/keys?matchLabels[team]=dns&status=pending_deletion');
    expect((body as KmsKey[]).map((found) => found.identity)).toEqual([key.identity]);
    expect((await call('GET', '/nl-01/keys?matchLabels[team]=other')).body).toEqual([]);
  });

  test('life: disable, enable, delete with 30 days of grace, cancel', async () => {
    const { identity } = await create();
    const act = async (method: Method, path: string) =>
      (await call(method, `/nl-01/keys/${identity}${path}`)).body as KmsKey;
    expect((await act('POST', '/disable')).status).toBe('disabled');
    expect((await act('POST', '/disable')).status).toBe('disabled');
    expect(await call('POST', `/nl-01/keys/${identity}/sign`, { input: 'AAAA' })).toMatchObject({
      status: 400,
      body: { code: 'wrong-state' },
    });
    expect(await call('POST', `/nl-01/keys/${identity}/rotate`)).toMatchObject({
      status: 400,
      body: { code: 'wrong-state' },
    });
    expect((await act('POST', '/enable')).status).toBe('active');
    const pending = await act('DELETE', '');
    expect(Date.parse(pending.deletionScheduledAt!) - Date.parse(pending.updatedAt)).toBe(30 * 86_400_000);
    expect(await act('DELETE', '')).toEqual(pending);
    expect((await call('POST', `/nl-01/keys/${identity}/enable`)).status).toBe(400);
    expect(await act('DELETE', '/cancel-deletion')).toMatchObject({ status: 'active' });
    expect((await call('DELETE', `/nl-01/keys/${identity}/cancel-deletion`)).status).toBe(400);
  });

  test('PATCH rotation with nothing is a 200 that changes nothing', async () => {
    const key = await create();
    expect(await call('PATCH', `/nl-01/keys/${key.identity}/rotation`, {})).toEqual({ status: 200, body: key });
    expect(await call('PATCH', `/nl-01/keys/${key.identity}/rotation`, { keyRotationEnabled: true })).toMatchObject({
      status: 400,
    });
    const { body } = await call('PATCH', `/nl-01/keys/${key.identity}/rotation`, {
      keyRotationEnabled: true,
      rotationPeriodInDays: 30,
    });
    expect(body).toMatchObject({
      keyRotationEnabled: true,
      rotationPeriodInDays: 30,
      nextRotationAt: expect.any(String),
    });
  });

  test('a repeated POST with one Idempotency-Key makes one key, and one version', async () => {
    const once = { 'idempotency-key': 'the-same' };
    const key = await create({ name: 'Once' }, once);
    expect(await create({ name: 'Once' }, once)).toEqual(key);
    expect((await call('POST', '/nl-01/keys', { name: 'Other' }, once)).status).toBe(409);
    const rotateOnce = { 'idempotency-key': 'rotate-once' };
    await call('POST', `/nl-01/keys/${key.identity}/rotate`, undefined, rotateOnce);
    const { body } = await call('POST', `/nl-01/keys/${key.identity}/rotate`, undefined, rotateOnce);
    expect((body as KmsKey).latestVersion).toBe(2);
  });
});

describe('signatures', () => {
  test('carry their version, and verify with the exported public key', async () => {
    const { identity } = await create();
    const { body } = await call('POST', `/nl-01/keys/${identity}/sign`, {
      input: Buffer.from('hello').toString('base64'),
    });
    const { signature, keyVersion } = body as { signature: string; keyVersion: string };
    expect(keyVersion).toBe('1');
    const [, der = ''] = /^thalassa:v1:(.+)$/.exec(signature) ?? [];
    const { keys } = (await call('GET', `/nl-01/keys/${identity}/public-key`)).body as { keys: Record<string, string> };
    expect(verify('sha256', Buffer.from('hello'), createPublicKey(keys['1']!), Buffer.from(der, 'base64'))).toBe(true);
    const input = Buffer.from('hello').toString('base64');
    expect((await call('POST', `/nl-01/keys/${identity}/verify`, { input, signature })).body).toEqual({ valid: true });
    expect((await call('POST', `/nl-01/keys/${identity}/verify`, { input: 'AAAA', signature })).body).toEqual({
      valid: false,
    });
  });

  test('are made by the version that is pinned, the newest by default', async () => {
    const { identity } = await create();
    await call('POST', `/nl-01/keys/${identity}/rotate`);
    const versionOf = async (more: object) =>
      ((await call('POST', `/nl-01/keys/${identity}/sign`, { input: 'AAAA', ...more })).body as { keyVersion: string })
        .keyVersion;
    expect([await versionOf({}), await versionOf({ keyVersion: '1' }), await versionOf({ keyVersion: 'v1' })]).toEqual([
      '2',
      '1',
      '1',
    ]);
    expect(await call('POST', `/nl-01/keys/${identity}/sign`, { input: 'AAAA', keyVersion: '3' })).toMatchObject({
      status: 400,
      body: { code: 'version-unknown' },
    });
  });

  test('of a batch come in order, and one bad item spoils no other', async () => {
    const { identity } = await create({ keyType: 'ed25519' });
    const { status, body } = await call('POST', `/nl-01/keys/${identity}/sign`, {
      batch: [{ input: 'AAAA' }, { input: 'A' }, { input: 'AAAB' }],
    });
    expect(status).toBe(200);
    expect((body as { results: object[] }).results).toMatchObject([
      { keyVersion: '1' },
      { error: { code: 'payload-invalid' } },
      { keyVersion: '1' },
    ]);
    const tooMany = Array.from({ length: 10_001 }, () => ({ input: 'AAAA' }));
    expect((await call('POST', `/nl-01/keys/${identity}/sign`, { batch: tooMany })).status).toBe(400);
  });

  test.each([
    [{}, 'give either input or batch'],
    [{ input: 'AAA' }, 'input must be standard base64 with padding'],
    [{ input: 'AAAA', hashAlgorithm: 'sha1' }, 'hashAlgorithm must be one of'],
    [{ input: 'AAAA', signatureAlgorithm: 'pss' }, ''],
    [{ input: 'AAAA', context: 'x' }, 'context is for derived keys'],
    [{ input: 'AAAA', colour: 'red' }, 'body /colour is not a field of this request'],
    [{ input: 5 }, 'body /input must be a string, not a number'],
  ])('%j is refused with the field named', async (body, message) => {
    const { identity } = await create();
    const answer = await call('POST', `/nl-01/keys/${identity}/sign`, body);
    expect(answer.status).toBe(400);
    expect((answer.body as { message: string }).message).toContain(message);
  });
});

describe('who may what', () => {
  const notFound = async (answer: Promise<Answer>) => {
    const { status, body } = await answer;
    const { requestId: _, ...rest } = body as Record<string, unknown>;
    return { status, ...rest };
  };

  test('without a token, or with a wrong one, it is 401', async () => {
    expect((await call('GET', '/summary', undefined, { authorization: '' })).status).toBe(401);
    expect((await call('GET', '/summary', undefined, { authorization: 'Bearer wrong' })).status).toBe(401);
  });

  test('Bearer, Token and Basic carry the token', async () => {
    const token = service.headers['authorization']!.slice('Bearer '.length);
    const basic = `Basic ${Buffer.from(`any:${token}`).toString('base64')}`;
    for (const authorization of [`Bearer ${token}`, `Token ${token}`, basic])
      expect((await call('GET', '/summary', undefined, { authorization })).status).toBe(200);
  });

  test('a key of another project, or none, is as unknown as one that never was', async () => {
    const { identity } = await create({}, { 'x-project-identity': 'p-9' });
    const unknown = await notFound(call('GET', '/nl-01/keys/kms-none'));
    expect(unknown).toMatchObject({ status: 404, code: 'not-found' });
    for (const headers of [{}, { 'x-project-identity': 'p-8' }]) {
      expect(await notFound(call('GET', `/nl-01/keys/${identity}`, undefined, headers))).toEqual(unknown);
      expect(await notFound(call('POST', `/nl-01/keys/${identity}/sign`, { input: 'AAAA' }, headers))).toEqual(unknown);
      expect(await notFound(call('POST', `/nl-01/keys/${identity}/rotate`, undefined, headers))).toEqual(unknown);
    }
    expect((await call('GET', `/nl-01/keys/${identity}`, undefined, { 'x-project-identity': 'p-9' })).status).toBe(200);
  });

  test('an unknown region and an unknown organisation are 404', async () => {
    expect((await call('GET', '/xx-99/keys')).status).toBe(404);
    expect((await call('GET', '/nl-01/keys', undefined, { 'x-organisation-identity': 'o-none' })).status).toBe(404);
  });
});

test('an empty body with a JSON content type is no body', async () => {
  const { identity } = await create();
  const answer = await service.call('POST', `/v1/kms/nl-01/keys/${identity}/rotate`, undefined, {
    'content-type': 'application/json',
  });
  expect(answer).toMatchObject({ status: 200, body: { latestVersion: 2 } });
});

test('after a restart every key, version and state is there', async () => {
  const { identity } = await create();
  await call('POST', `/nl-01/keys/${identity}/rotate`);
  const before = (await call('POST', `/nl-01/keys/${identity}/disable`)).body;
  await service.stop();
  service = await startZoneseal({ data: dir.at('data') });
  expect((await call('GET', `/nl-01/keys/${identity}`)).body).toEqual(before);
});
