import { type IncomingMessage, request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeHttp, createHttp, type HttpApp, listenOnSocket, listenOnTcp, mount } from '#app/http.ts';
import { createLogger } from '#app/logger.ts';
import { ServiceError } from '#lib/errors.ts';

const Role = Type.Union([Type.Literal('csk'), Type.Literal('ksk')]);
const Body = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 5 }),
    count: Type.Optional(Type.Integer({ minimum: 1 })),
    keys: Type.Optional(
      Type.Array(Type.Object({ role: Role, 'a/b': Type.Optional(Type.Null()) }, { additionalProperties: false })),
    ),
    either: Type.Optional(Type.Union([Type.String(), Type.Object({ deep: Type.Integer() })])),
  },
  { additionalProperties: false },
);

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/echo', { schema: { body: Body, response: { 200: Body } } }, ({ body }) => body);
  app.get(
    '/query',
    { schema: { querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1 })) }) } },
    ({ query }) => query,
  );
  app.get(
    '/more',
    { schema: { response: { 200: Type.Object({ told: Type.String() }) } } },
    () => ({ told: 'a', untold: 'b' }) as { told: string },
  );
  app.post('/bodyless', () => ({ done: true }));
  app.delete('/bodyless', () => ({ done: true }));
  app.post('/small', { bodyLimit: 10 }, () => ({ done: true }));
  app.get('/known', () => {
    throw new ServiceError('key-gone', 'the key is gone', { details: { keyId: 'kms-1' } });
  });
  app.get('/busy', () => {
    throw new ServiceError('busy', 'come back later', { details: { retryAfterSeconds: 1.2 } });
  });
  app.get('/unlisted', () => {
    throw new ServiceError('material-damaged', 'secret of the inside');
  });
  app.get('/bug', () => {
    throw new TypeError('cannot read secret of undefined');
  });
  app.get('/slow', async () => {
    slowIsAsked.resolve();
    await slowMayEnd.promise;
    return { done: true };
  });
};
const statuses = { 'key-gone': 404, busy: 429 };

let app: HttpApp;
let log: string[];
let slowIsAsked: PromiseWithResolvers<void>;
let slowMayEnd: PromiseWithResolvers<void>;

beforeEach(async () => {
  slowIsAsked = Promise.withResolvers();
  slowMayEnd = Promise.withResolvers();
  log = [];
  app = await createHttp({
    logger: createLogger('info', { write: (line) => void log.push(line) }),
    documentation: { title: 'Test', description: 'A test.', version: '1' },
  });
  await mount(app, routes, { prefix: '/v1' }, statuses);
});
afterEach(() => app.close());

async function post(path: string, payload: string | object, headers: Record<string, string> = {}) {
  const answer = await app.inject({ method: 'POST', url: `/v1${path}`, payload, headers });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>(), headers: answer.headers };
}

describe('request bodies', () => {
  test.each([
    [{}, '/name', 'body /name is required'],
    [{ name: '' }, '/name', 'body /name must NOT have fewer than 1 characters'],
    [{ name: 5 }, '/name', 'body /name must be a string, not a number'],
    [{ name: 'a', count: '1' }, '/count', 'body /count must be an integer, not a string'],
    [{ name: 'a', count: 0 }, '/count', 'body /count must be >= 1'],
    [{ name: 'a', extra: 1 }, '/extra', 'body /extra is not a field of this request'],
    [{ name: 'a', keys: [{ role: 'zsk' }] }, '/keys/0/role', 'body /keys/0/role must be one of "csk", "ksk"'],
    [
      { name: 'a', keys: [{ role: 'csk', 'c/d': 1 }] },
      '/keys/0/c~1d',
      'body /keys/0/c~1d is not a field of this object',
    ],
    [{ name: 'a', keys: [{ role: 'csk', 'a/b': 1 }] }, '/keys/0/a~1b', 'body /keys/0/a~1b must be null, not a number'],
    [{ name: 'a', either: { deep: 'x' } }, '/either/deep', 'body /either/deep must be an integer, not a string'],
    [{ name: 'a', either: 1 }, '/either', 'body /either matches none of the forms that are allowed here'],
    [[], '', 'the body must be an object, not an array'],
  ])('%j is refused with a pointer to the field and the rule', async (payload, pointer, message) => {
    const { status, body } = await post('/echo', payload);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'request-invalid', message, details: { in: 'body', pointer } });
  });

  test('schemas that are compiled when they are used take and refuse the same', async () => {
    const late = await createHttp({ compileWhenUsed: true });
    await mount(late, routes, { prefix: '/v1' }, statuses);
    const ask = (payload: object) => late.inject({ method: 'POST', url: '/v1/echo', payload });
    for (const payload of [{ name: 'a' }, { name: 5 }, { name: 'a', keys: [{ role: 'csk', 'c/d': 1 }] }]) {
      const [early, answer] = [await post('/echo', payload), await ask(payload)];
      const { requestId: first, ...expected } = early.body;
      const { requestId: second, ...body } = answer.json<Record<string, unknown>>();
      expect([answer.statusCode, typeof second, body]).toEqual([early.status, typeof first, expected]);
    }
    const query = await late.inject({ url: '/v1/query?limit=0' });
    expect(query.json()).toMatchObject({ message: 'query /limit must be >= 1' });
    await late.close();
  });

  test('an answer keeps to its schema, but for a service that starts for one task', async () => {
    const late = await createHttp({ compileWhenUsed: true });
    await mount(late, routes, { prefix: '/v1' }, statuses);
    expect((await app.inject({ url: '/v1/more' })).json()).toEqual({ told: 'a' });
    const answer = await late.inject({ url: '/v1/more' });
    expect(answer.json()).toEqual({ told: 'a', untold: 'b' });
    expect(answer.headers['content-type']).toMatch(/^application\/json\b/);
    await late.close();
  });

  test('no value of the caller comes back in the message', async () => {
    const { body } = await post('/echo', { name: 'hunter2-hunter2' });
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  test('a missing body is refused where one is needed', async () => {
    const answer = await app.inject({ method: 'POST', url: '/v1/echo' });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ message: 'the body must be an object, not null' });
  });

  test('broken JSON is refused with its place and without its content', async () => {
    const { status, body } = await post('/echo', '{"name":\n  "hunter2", oops}', {
      'content-type': 'application/json',
    });
    expect(status).toBe(400);
    expect(body['message']).toBe('the body is not valid JSON at line 2, column 14');
  });

  test('JSON that ends too early says so', async () => {
    const { body } = await post('/echo', '{"name":', { 'content-type': 'application/json' });
    expect(body['message']).toBe('the body is not valid JSON: it ends too early');
  });

  test.each(['{"__proto__":{"x":1},"name":"a"}', String.raw`{"\u005f_proto__":{"x":1},"name":"a"}`])(
    'a member that reaches the prototype is refused: %s',
    async (text) => {
      const { status } = await post('/echo', text, { 'content-type': 'application/json' });
      expect(status).toBe(400);
    },
  );

  test.each([
    ['U+0000', String.raw`{"name":"a\u0000"}`],
    ['the first half of a surrogate pair', String.raw`{"name":"\ud83d"}`],
    ['the second half of a surrogate pair', String.raw`{"name":"\ude00x"}`],
    ['U+0000 in the name of a member', String.raw`{"name":"a","\u0000":1}`],
  ])('a text that no database gives back as it was is refused: %s', async (_what, text) => {
    const { status, body } = await post('/echo', text, { 'content-type': 'application/json' });
    expect(status).toBe(400);
    expect(body['message']).toBe('the body has a text with U+0000 or with half of a surrogate pair');
    const pair = await post('/echo', String.raw`{"name":"\ud83d\ude00"}`, { 'content-type': 'application/json' });
    expect(pair).toMatchObject({ status: 200, body: { name: '😀' } });
  });

  test('U+0000 in the path or the query is refused', async () => {
    for (const url of ['/v1/query?limit=%00', '/v1/none/%00']) {
      const answer = await app.inject({ method: 'GET', url });
      expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'request-invalid']);
    }
    expect((await app.inject({ method: 'GET', url: '/v1/query?other=%2500' })).statusCode).toBe(200);
  });

  test('objects and arrays inside each other end at 64, and brackets in strings do not count', async () => {
    const json = { 'content-type': 'application/json' };
    const deep = await post('/echo', `${'['.repeat(65)}${']'.repeat(65)}`, json);
    expect(deep.status).toBe(400);
    expect(deep.body['details']).toMatchObject({ rule: 'depth' });
    const endless = await post('/echo', '['.repeat(500_000), json);
    expect(endless.status).toBe(400);
    const inString = await post('/echo', JSON.stringify({ name: `"\\${'['.repeat(100)}` }), json);
    expect(inString.body['details']).toMatchObject({ rule: 'maxLength' });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml'])('%s is 415', async (type) => {
    const { status, body } = await post('/echo', 'name=a', { 'content-type': type });
    expect(status).toBe(415);
    expect(body['code']).toBe('unsupported-media');
  });

  test('a body over the limit of its route is 413', async () => {
    const { status, body } = await post('/small', { name: 'abcdefgh' });
    expect(status).toBe(413);
    expect(body['code']).toBe('too-large');
  });

  test.each(['POST', 'DELETE'] as const)('%s needs no body, with and without a content type', async (method) => {
    const bare = await app.inject({ method, url: '/v1/bodyless' });
    const typed = await app.inject({
      method,
      url: '/v1/bodyless',
      headers: { 'content-type': 'application/json' },
      payload: '',
    });
    expect([bare.statusCode, typed.statusCode]).toEqual([200, 200]);
  });

  test('numbers in a query are read from text and checked', async () => {
    const good = await app.inject({ url: '/v1/query?limit=12' });
    const bad = await app.inject({ url: '/v1/query?limit=0' });
    expect(good.json()).toEqual({ limit: 12 });
    expect(bad.json()).toMatchObject({ message: 'query /limit must be >= 1' });
  });
});

describe('failures', () => {
  test('a listed error is answered with its status, code, message and details', async () => {
    const answer = await app.inject({ url: '/v1/known' });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({
      message: 'the key is gone',
      code: 'key-gone',
      requestId: answer.headers['x-request-id'],
      details: { keyId: 'kms-1' },
    });
  });

  test('an error that tells when to come back sets Retry-After in whole seconds, rounded up', async () => {
    const answer = await app.inject({ url: '/v1/busy' });
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '2']);
  });

  test.each(['/v1/bug', '/v1/unlisted'])('%s is an opaque 500, and the log has the reason', async (url) => {
    const answer = await app.inject({ url });
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({ code: 'internal' });
    expect(answer.body).not.toContain('secret');
    expect(log.join('')).toContain('secret');
  });

  test('an unknown path has the form of every other failure', async () => {
    const answer = await app.inject({ url: '/nowhere?token=x' });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({
      message: 'there is nothing at GET /nowhere',
      code: 'not-found',
      requestId: answer.headers['x-request-id'],
    });
  });

  test('a path that is not valid percent-encoding is 400', async () => {
    const answer = await app.inject({ url: '/v1/%zz' });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'request-invalid' });
  });

  test('what is not HTTP gets an answer in the same form', async () => {
    const port = Number(new URL(await listenOnTcp(app, '127.0.0.1', 0)).port);
    const socket = connect(port, '127.0.0.1');
    socket.end('nonsense\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n')))).toMatchObject({ code: 'request-invalid' });
  });
});

describe('request ids and the log', () => {
  test('a usable id of the caller is kept, another is replaced', async () => {
    const kept = await app.inject({ url: '/v1/query', headers: { 'x-request-id': 'abc-1' } });
    const replaced = await app.inject({ url: '/v1/query', headers: { 'x-request-id': 'a b\u0009"' } });
    expect(kept.headers['x-request-id']).toBe('abc-1');
    expect(replaced.headers['x-request-id']).toMatch(/^req-/);
  });

  test('credentials, queries and bodies stay out of the log', async () => {
    await app.inject({
      method: 'POST',
      url: '/v1/echo?token=hunter2',
      headers: { authorization: 'Bearer hunter2' },
      payload: { name: 'hunter2' },
    });
    expect(log.join('')).toContain('/v1/echo');
    expect(log.join('')).not.toContain('hunter2');
  });

  test('a logged authorization header is redacted', () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => void lines.push(line) });
    logger.info({ headers: { authorization: 'Bearer hunter2' }, body: 'hunter2' }, 'x');
    expect(lines.join('')).not.toContain('hunter2');
  });
});

describe('documentation', () => {
  test('the OpenAPI document is made of the route schemas', async () => {
    const document = (await app.inject({ url: '/openapi.json' })).json<unknown>();
    const role = {
      anyOf: [
        { type: 'string', const: 'csk' },
        { type: 'string', const: 'ksk' },
      ],
    };
    const schema = { properties: { keys: { items: { properties: { role } } } }, additionalProperties: false };
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'Test' },
      paths: { '/v1/echo': { post: { requestBody: { content: { 'application/json': { schema } } } } } },
    });
  });

  test('the page and all that it loads answer 200 without a redirect', async () => {
    for (const page of ['/docs', '/docs/']) {
      const html = await app.inject({ url: page });
      expect(html.statusCode).toBe(200);
      const links = [...html.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
      expect(links.length).toBeGreaterThan(4);
      for (const link of links) {
        const { pathname } = new URL(link, `http://host${page}`);
        expect([pathname, (await app.inject({ url: pathname })).statusCode]).toEqual([pathname, 200]);
      }
    }
  });

  test('no path of the documentation redirects', async () => {
    expect((await app.inject({ url: '/docs/static/index.html' })).statusCode).toBe(404);
  });
});

describe('listening and closing', () => {
  test('a Unix socket is open to its owner only, and a file left behind is replaced', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zoneseal-test-'));
    try {
      const path = join(folder, 'kms.sock');
      const other = await createHttp();
      await listenOnSocket(other, path);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      await other.close();
      await listenOnSocket(app, path);
      const request = rawRequest({ socketPath: path, path: '/v1/query' }).end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(200);
      response.resume();
      await app.close();
      expect(existsSync(path)).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('closing lets a request finish and ends idle connections at once', async () => {
    const base = await listenOnTcp(app, '127.0.0.1', 0);
    await (await fetch(`${base}/v1/query`)).text();
    const slow = fetch(`${base}/v1/slow`);
    await slowIsAsked.promise;
    const closed = closeHttp(app, 600_000); // a close that waited for the grace time would outlast the test
    slowMayEnd.resolve();
    await closed;
    expect((await slow).status).toBe(200);
  });

  test('closing does not wait longer than the grace time', async () => {
    const base = new URL(await listenOnTcp(app, '127.0.0.1', 0));
    const socket = connect(Number(base.port), base.hostname);
    socket.on('error', () => undefined);
    socket.write('POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
    await sleep(50);
    await closeHttp(app, 100);
    expect(app.server.listening).toBe(false);
  });
});
