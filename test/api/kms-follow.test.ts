import { createHmac, timingSafeEqual } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliverWebhooks } from '#kms/operations/webhooks.ts';
import { httpWebhookSender } from '#lib/webhook-sender.ts';
import { purgeDueKeys, rotateDueKeys } from '#kms/operations/change-by-system.ts';
import { type KmsApi, openKmsApi } from '#test/support/kms-api.ts';

const fail = (error: unknown): void => {
  throw error;
};

let api: KmsApi;
beforeAll(async () => {
  api = await openKmsApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const keys = '/v1/kms/nl-01/keys';
let made = 0;
const create = async (more: object = {}) => {
  const { status, body } = await api.call('POST', keys, { name: `key ${++made}`, keyType: 'ed25519', ...more });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body;
};

describe('key events', () => {
  test('tell of every change once, in order, without gaps', async () => {
    const before = (await api.call('GET', '/v1/kms/nl-01/events')).body.length;
    const { identity } = await create();
    for (const call of ['rotate', 'disable', 'disable', 'enable'])
      await api.call('POST', `${keys}/${identity}/${call}`);
    await api.call('DELETE', `${keys}/${identity}`);
    await api.call('DELETE', `${keys}/${identity}/cancel-deletion`);
    const { body, headers } = await api.call('GET', `/v1/kms/nl-01/events?after=${before}`);
    const kinds = ['created', 'rotated', 'disabled', 'enabled', 'deletion-scheduled', 'deletion-cancelled'];
    expect(body.map(({ kind }: { kind: string }) => kind)).toEqual(kinds);
    expect(body.map(({ number }: { number: number }) => number)).toEqual(kinds.map((_, index) => before + 1 + index));
    expect(body[1]).toMatchObject({ key: identity, region: 'nl-01', version: 2 });
    expect(headers['x-next-cursor']).toBe(String(before + 6));
    expect((await api.call('GET', `/v1/kms/nl-01/events?after=${before}&limit=2`)).body).toHaveLength(2);
  });

  test('whoever waits is woken by the next one', async () => {
    const after = (await api.call('GET', '/v1/kms/nl-01/events')).body.length;
    const waiting = api.call('GET', `/v1/kms/nl-01/events?after=${after}&wait=10`);
    const { identity } = await create();
    expect((await waiting).body).toMatchObject([{ kind: 'created', key: identity }]);
    expect((await api.call('GET', `/v1/kms/nl-01/events?after=${after + 1}&wait=1`)).body).toEqual([]);
    expect((await api.call('GET', '/v1/kms/nl-01/events?wait=31')).status).toBe(400);
  });
});

describe('what the service does by itself', () => {
  test('a key rotates when its period is over, once', async () => {
    const { identity } = await create({ keyRotationEnabled: true, rotationPeriodInDays: 1 });
    await rotateDueKeys(api.kms.ports, fail);
    expect((await api.call('GET', `${keys}/${identity}`)).body.latestVersion).toBe(1);
    api.clock.advance(86_400);
    await Promise.all([rotateDueKeys(api.kms.ports, fail), rotateDueKeys(api.kms.ports, fail)]);
    const { body } = await api.call('GET', `${keys}/${identity}`);
    expect(body.latestVersion).toBe(2);
    expect(Date.parse(body.nextRotationAt) - Date.parse(body.lastRotatedAt)).toBe(86_400_000);
    const audit = await api.call('GET', `/v1/audit?key=${identity}&operation=kms.rotate.scheduled`);
    expect(audit.body[0]).toMatchObject({ principal: 'system', outcome: 'allowed', version: 2 });
  });

  test('a key is purged after 30 days, and its material is gone, also from the files', async () => {
    const { identity, name } = await create();
    const database = new DatabaseSync(api.dir.at('kms.sqlite'), { readOnly: true });
    const row = database.prepare('SELECT wrapped FROM key_versions WHERE key = ?').get(identity);
    database.close();
    const wrapped = Buffer.from(row?.['wrapped'] as Uint8Array);
    const filesWithIt = () =>
      readdirSync(api.dir.path).filter(
        (file) => file.startsWith('kms.sqlite') && readFileSync(api.dir.at(file)).includes(wrapped),
      );
    expect(filesWithIt()).not.toEqual([]);
    await api.call('DELETE', `${keys}/${identity}`);
    api.clock.advance(30 * 86_400 - 1);
    await purgeDueKeys(api.kms.ports, fail);
    expect((await api.call('GET', `${keys}/${identity}`)).body.status).toBe('pending_deletion');
    api.clock.advance(1);
    await purgeDueKeys(api.kms.ports, fail);
    expect((await api.call('GET', `${keys}/${identity}`)).status).toBe(404);
    expect(filesWithIt()).toEqual([]);
    expect((await api.call('POST', keys, { name })).status).toBe(201);
    const { body } = await api.call('GET', '/v1/kms/nl-01/events?limit=1000');
    expect(body.findLast(({ key }: { key: string }) => key === identity)).toMatchObject({ kind: 'purged' });
  });
});

describe('webhooks', () => {
  let receiver: Server;
  let url: string;
  let status = 200;
  const received: { readonly headers: Record<string, string>; readonly body: string }[] = [];
  beforeAll(async () => {
    receiver = createServer((request, reply) => {
      let body = '';
      request.on('data', (piece) => (body += String(piece)));
      request.on('end', () => {
        if (status === 200) received.push({ headers: request.headers as Record<string, string>, body });
        reply.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  });
  beforeEach(() => {
    received.length = 0;
    status = 200;
  });
  afterAll(() => receiver.close());
  afterEach(async () => {
    for (const { identity } of (await api.call('GET', '/v1/admin/webhooks')).body)
      await api.call('DELETE', `/v1/admin/webhooks/${identity}`);
  });
  const deliver = () => deliverWebhooks(api.kms.ports, httpWebhookSender);

  test('carry the events, signed with the secret that was shown once', async () => {
    const { body: webhook } = await api.call('POST', '/v1/admin/webhooks', { url });
    expect((await api.call('GET', '/v1/admin/webhooks')).body[0]).not.toHaveProperty('secret');
    const { identity } = await create();
    await deliver();
    const [delivery] = received;
    expect(JSON.parse(delivery?.body ?? '').events).toMatchObject([{ kind: 'created', key: identity }]);
    const secret = Buffer.from(webhook.secret.slice('whsec_'.length), 'base64');
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature = '' } = delivery?.headers ?? {};
    const expected = `v1,${createHmac('sha256', secret).update(`${id}.${at}.${delivery?.body}`).digest('base64')}`;
    expect(timingSafeEqual(Buffer.from(signature), Buffer.from(expected))).toBe(true);
    await deliver();
    expect(received).toHaveLength(1);
  });

  test('are tried again after growing pauses, and lose nothing', async () => {
    await api.call('POST', '/v1/admin/webhooks', { url });
    const first = await create();
    status = 500;
    await deliver();
    expect((await api.call('GET', '/v1/admin/webhooks')).body[0]).toMatchObject({
      failures: 1,
      lastError: 'the receiver answered 500',
    });
    const second = await create();
    status = 200;
    await deliver();
    expect(received).toEqual([]);
    api.clock.advance(5);
    await deliver();
    expect(JSON.parse(received[0]?.body ?? '').events.map(({ key }: { key: string }) => key)).toEqual([
      first.identity,
      second.identity,
    ]);
    expect((await api.call('GET', '/v1/admin/webhooks')).body[0]).toMatchObject({ failures: 0 });
  });

  test.each(['ftp://example.net', 'nonsense', 'http://user:pass@example.net/'])('%s is refused', async (bad) => {
    expect((await api.call('POST', '/v1/admin/webhooks', { url: bad })).status).toBe(400);
  });

  test('of one Idempotency-Key there is one, until it is deleted', async () => {
    const before = (await api.call('GET', '/v1/admin/webhooks')).body.length;
    const make = () => api.call('POST', '/v1/admin/webhooks', { url }, { 'idempotency-key': 'webhook-once' });
    const first = await make();
    expect(await make()).toMatchObject({ status: 201, body: first.body });
    expect((await api.call('GET', '/v1/admin/webhooks')).body).toHaveLength(before + 1);
    await api.call('DELETE', `/v1/admin/webhooks/${first.body.identity}`);
    expect(await make()).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });

  test('only an administrator of the organisation has them', async () => {
    const headers = await api.tokenFor({ policies: ['kms:FullAccess'] });
    expect((await api.call('POST', '/v1/admin/webhooks', { url }, headers)).status).toBe(403);
  });
});

describe('what declarative clients rely on', () => {
  test('a POST that is repeated with its Idempotency-Key makes nothing twice', async () => {
    const headers = { 'idempotency-key': 'once-only' };
    const wanted = { name: 'idempotent' };
    const first = await api.call('POST', keys, wanted, headers);
    const second = await api.call('POST', keys, wanted, headers);
    expect(second.body).toEqual(first.body);
    expect((await api.call('POST', keys, { name: 'another' }, headers)).status).toBe(409);
    const path = `${keys}/${first.body.identity}/rotate`;
    await api.call('POST', path, undefined, { 'idempotency-key': 'turn' });
    expect((await api.call('POST', path, undefined, { 'idempotency-key': 'turn' })).body.latestVersion).toBe(2);
    expect((await api.call('POST', path, undefined, { 'idempotency-key': 'two words' })).status).toBe(400);
  });

  test('the same POST sent many times at once makes one thing, and all get it', async () => {
    const send = (path: string, body: object | undefined, name: string) =>
      Promise.all(Array.from({ length: 8 }, () => api.call('POST', path, body, { 'idempotency-key': name })));
    const created = await send(keys, { name: 'at once', keyType: 'ed25519' }, 'create-at-once');
    expect(created.map(({ status }) => status)).toEqual(created.map(() => 201));
    expect(new Set(created.map(({ body }) => body.identity)).size).toBe(1);
    const rotated = await send(`${keys}/${created[0]?.body.identity}/rotate`, undefined, 'rotate-at-once');
    expect(rotated.map(({ body }) => body.latestVersion)).toEqual(rotated.map(() => 2));
  });

  test('PATCH rotation without a member changes nothing, and no default is injected', async () => {
    const key = await create();
    for (const body of [{}, undefined, '']) {
      const answer = await api.call('PATCH', `${keys}/${key.identity}/rotation`, body);
      expect(answer).toMatchObject({ status: 200 });
      expect(answer.body).toEqual(key);
    }
    expect((await api.call('PATCH', `${keys}/${key.identity}/rotation`, { keyRotationEnabled: true })).status).toBe(
      400,
    );
    const on = await api.call('PATCH', `${keys}/${key.identity}/rotation`, {
      keyRotationEnabled: true,
      rotationPeriodInDays: 9,
    });
    expect(on.body).toMatchObject({ keyRotationEnabled: true, rotationPeriodInDays: 9, objectVersion: 2 });
  });

  test('lists are whole, or come in pages that lose and repeat nothing', async () => {
    const project = { 'x-project-identity': 'paged' };
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      api.clock.advance(1);
      await api.call('POST', keys, { name, keyType: 'ed25519' }, project);
    }
    const whole = await api.call('GET', keys, undefined, project);
    expect(whole.body).toHaveLength(5);
    expect(whole.headers).not.toHaveProperty('x-next-cursor');
    const names: string[] = [];
    let after = '';
    do {
      const { body, headers } = await api.call('GET', `${keys}?limit=2${after}`, undefined, project);
      names.push(...body.map(({ name }: { name: string }) => name));
      const { 'x-next-cursor': next } = headers as { 'x-next-cursor'?: string };
      after = next === undefined ? '' : `&after=${next}`;
    } while (after !== '');
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect((await api.call('GET', `${keys}?after=nonsense`)).status).toBe(400);
  });
});

test('the limit on core time answers 429 and when to come again, and recovers', async () => {
  await using limited = await openKmsApi({ rateLimit: 100_000 });
  const { body } = await limited.call('POST', keys, { name: 'k', keyType: 'ecdsa-p384' });
  const sign = (count: number) =>
    limited.call('POST', `${keys}/${body.identity}/sign`, {
      batch: Array.from({ length: count }, () => ({ input: 'AAAA' })),
    });
  expect((await sign(3000)).status).toBe(200);
  const refused = await sign(1);
  expect(refused).toMatchObject({ status: 429, body: { code: 'rate-limited' } });
  const wait = Number(refused.headers['retry-after']);
  expect(wait).toBeGreaterThan(0);
  limited.clock.advance(wait);
  expect((await sign(1)).status).toBe(200);
});

test('encryptions are counted, and a version that made too many gets a successor', async () => {
  await using counted = await openKmsApi();
  const { body } = await counted.call('POST', keys, { name: 'k' });
  const encrypt = () => counted.call('POST', `${keys}/${body.identity}/encrypt`, { plaintext: 'AAAA' });
  expect((await encrypt()).body.keyVersion).toBe('1');
  await counted.kms.ports.store.reserveInvocations(body.identity, 1, 2 ** 28);
  counted.kms.ports.invocations.forget(body.identity);
  expect((await encrypt()).body.keyVersion).toBe('1');
  expect((await encrypt()).body.keyVersion).toBe('2');
  await counted.kms.ports.store.reserveInvocations(body.identity, 2, 2 ** 30);
  counted.kms.ports.invocations.forget(body.identity);
  const pinned = await counted.call('POST', `${keys}/${body.identity}/encrypt`, { plaintext: 'AAAA', keyVersion: '2' });
  expect(pinned).toMatchObject({ status: 400, body: { code: 'invocations-exhausted' } });
});
