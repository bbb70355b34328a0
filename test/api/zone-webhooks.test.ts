import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '#test/support/fake-clock.ts';
import { type ApiCall, type OpenService, openService } from '#test/support/open-service.ts';
import { patience } from '#test/support/patience.ts';

interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const other = 'o-other';

let opened: OpenService;
const clock = new FakeClock();
let receiver: Server;
let url: string;
let status = 200;
/** What the receiver answered with success, and what it refused. */
const taken: Delivery[] = [];
const refused: Delivery[] = [];

beforeAll(async () => {
  opened = await openService({ clock });
  receiver = createServer((request, reply) => {
    let body = '';
    request.on('data', (piece) => (body += String(piece)));
    request.on('end', () => {
      (status === 200 ? taken : refused).push({ headers: request.headers as Record<string, string>, body });
      reply.writeHead(status, status === 307 ? { location: '/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterAll(async () => {
  await opened[Symbol.asyncDispose]();
  receiver.close();
});
beforeEach(() => {
  taken.length = 0;
  refused.length = 0;
  status = 200;
});
afterEach(async () => {
  for (const { identity } of await list()) await call('DELETE', `/dns/webhooks/${identity}`);
});

const call: ApiCall = (...args) => opened.call(...args);

// oxlint-disable-next-line typescript/no-explicit-any -- bodies of the API
const list = async (): Promise<any[]> => (await call('GET', '/dns/webhooks')).body;
const subscribe = async (more: object = {}, headers = {}) =>
  (await call('POST', '/dns/webhooks', { url, ...more }, headers)).body;

let made = 0;

/** Make a zone and sign it, which makes events. @returns its identity */
async function signZone(headers = {}): Promise<string> {
  const zoneName = `hooked${++made}.example`;
  const { body: zone } = await call('POST', '/dns/zones', { zoneName }, headers);
  const on = await call('PUT', `/dns/zones/${zoneName}/dnssec`, { region: 'nl-01' }, headers);
  expect(on).toMatchObject({ status: 200 });
  return zone.identity;
}

/** What a webhook delivered: one of the test before may still be on its way. */
const from = ({ identity }: { identity: string }, deliveries: readonly Delivery[] = taken): Delivery[] =>
  deliveries.filter(({ headers }) => headers['webhook-id']?.startsWith(identity));

/** Wait until a webhook has delivered all that the API tells of since it was made, and compare. */
async function expectAllOf(webhook: { identity: string; delivered: number }): Promise<void> {
  const { body: told } = await call('GET', `/dns/events?limit=1000&after=${webhook.delivered}`);
  expect(told.length).toBeGreaterThan(0);
  await until(() => eventsIn(from(webhook)).length >= told.length);
  expect(eventsIn(from(webhook)).slice(0, told.length)).toEqual(told);
}

const eventsIn = (deliveries: readonly Delivery[]): { number: number; kind: string; zone: string }[] =>
  deliveries.flatMap(({ body }) => JSON.parse(body).events);

async function until(isSo: () => unknown): Promise<void> {
  await expect.poll(async () => Boolean(await isSo()), { timeout: patience, interval: 50 }).toBe(true);
}

describe('a webhook of zone events', () => {
  test('gets what the API tells of, in order, signed with the secret that was shown once', async () => {
    const webhook = await subscribe();
    const [shown] = await list();
    expect(shown).toMatchObject({ identity: webhook.identity, url, failures: 0 });
    expect(shown).not.toHaveProperty('secret');
    const zone = await signZone();
    await expectAllOf(webhook);
    expect(eventsIn(from(webhook)).every((event) => event.zone === zone)).toBe(true);
    const secret = Buffer.from(webhook.secret.slice('whsec_'.length), 'base64');
    expect(secret).toHaveLength(32);
    for (const { headers, body } of from(webhook)) {
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
      const mac = createHmac('sha256', secret).update(signed).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${mac}`);
    }
  });

  test('that fails is tried again after a pause, and loses nothing; a redirect is a failure', async () => {
    const webhook = await subscribe();
    status = 307;
    await signZone();
    await until(async () => (await list())[0].failures === 1);
    expect((await list())[0]).toMatchObject({ lastError: 'the receiver answered 307', delivered: webhook.delivered });
    expect(from(webhook, refused)).toHaveLength(1);
    await signZone();
    status = 200;
    clock.advance(5);
    await expectAllOf(webhook);
    await until(async () => (await list())[0].failures === 0);
    expect((await list())[0]).not.toHaveProperty('lastError');
  });

  test('gets only the kinds that it asked for', async () => {
    const webhook = await subscribe({ kinds: ['signing-on'] });
    await signZone();
    await until(() => from(webhook).length > 0);
    await signZone();
    await until(() => eventsIn(from(webhook)).length > 1);
    expect(eventsIn(from(webhook)).map(({ kind }) => kind)).toEqual(['signing-on', 'signing-on']);
  });

  test('gets nothing of other organisations', async () => {
    expect(await call('PUT', `/admin/organisations/${other}`, {})).toMatchObject({ status: 200 });
    const webhook = await subscribe();
    await signZone({ 'x-organisation-identity': other });
    const own = await signZone();
    await expectAllOf(webhook);
    expect(new Set(eventsIn(from(webhook)).map(({ zone }) => zone))).toEqual(new Set([own]));
    const foreign = { 'x-organisation-identity': other };
    expect((await call('GET', '/dns/webhooks', undefined, foreign)).body).toEqual([]);
    expect((await call('DELETE', `/dns/webhooks/${webhook.identity}`, undefined, foreign)).status).toBe(404);
    expect(await list()).toHaveLength(1);
  });

  test('that is deleted gets nothing more', async () => {
    const gone = await subscribe();
    const witness = await subscribe();
    expect((await call('DELETE', `/dns/webhooks/${gone.identity}`)).status).toBe(204);
    await signZone();
    await until(() => from(witness).length > 0);
    expect(from(gone)).toEqual([]);
  });

  test('has a secret that is not in the files of the service', async () => {
    const { secret } = await subscribe();
    const octets = Buffer.from(secret.slice('whsec_'.length), 'base64');
    for (const file of ['zones.sqlite', 'zones.sqlite-wal']) {
      const stored = readFileSync(opened.file(file));
      expect(stored.length).toBeGreaterThan(0);
      for (const form of [octets, Buffer.from(octets.toString('hex')), Buffer.from(octets.toString('base64'))])
        expect(stored.includes(form)).toBe(false);
    }
  });

  test.each(['ftp://example.net', 'nonsense', 'http://user:pass@example.net/'])('is not made for %s', async (bad) => {
    expect(await call('POST', '/dns/webhooks', { url: bad })).toMatchObject({ status: 400 });
  });

  test('is not made for a kind that there is not, nor by those who may only read', async () => {
    expect((await call('POST', '/dns/webhooks', { url, kinds: ['rollover-stuk'] })).status).toBe(400);
    expect((await call('POST', '/dns/webhooks', { url, kinds: [] })).status).toBe(400);
    const { body } = await call('POST', '/admin/tokens', {
      name: 'reader',
      organisation: 'o-default',
      policies: ['dns:ReadAccess'],
    });
    const reader = { authorization: `Bearer ${body.secret}` };
    expect((await call('POST', '/dns/webhooks', { url }, reader)).status).toBe(404);
    expect((await call('GET', '/dns/webhooks', undefined, reader)).status).toBe(200);
  });
});
