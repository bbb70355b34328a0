import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Service } from '#app/server.ts';
import { createThreadVerifier } from '#dnssec/dnssec.ts';
import { verifyZoneText } from '#dnssec/operations/verify-zone-text.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import { callerOf, startTestService } from '#test/support/open-service.ts';
import { makeTempDir, type TempDir } from '#test/support/temp-dir.ts';
import { testToken } from '#test/support/zoneseal.ts';

let dir: TempDir;
let service: Service;

const authorised = { authorization: `Bearer ${testToken}`, 'x-organisation-identity': 'o-default' };

const call = callerOf(() => service.baseUrl, '/v1/dns');

/** Import a master file. */
async function send(path: string, text: string) {
  const headers = { ...authorised, 'content-type': 'text/dns' };
  const answer = await fetch(`${service.baseUrl}/v1/dns${path}`, { method: 'POST', headers, body: text });
  // oxlint-disable-next-line typescript/no-explicit-any -- bodies of all forms are looked into
  return { status: answer.status, body: (await answer.json()) as any };
}

async function receive(path: string) {
  const headers = { ...authorised, accept: 'text/dns' };
  const answer = await fetch(`${service.baseUrl}/v1/dns${path}`, { headers });
  return { type: answer.headers.get('content-type'), text: await answer.text() };
}

async function faultsOf(zone: string): Promise<string[]> {
  const { zoneFile } = (await call('GET', `/zones/${zone}/export?signed=true`)).body;
  const verifier = createThreadVerifier(1);
  try {
    const source = await openZone(pieces(zoneFile), 'master', { fileName: 'zone' });
    const { faults } = await verifyZoneText(source, { at: Date.now() / 1000, anchors: [] }, verifier);
    return faults.filter(({ severity }) => severity === 'error').map(({ message }) => message);
  } finally {
    await verifier.close();
  }
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

const fileOf = (count: number, more = ''): string =>
  `${Array.from({ length: count }, (_, index) => `a-name-of-some-length-${index}.deep.er 3600 IN A 192.0.2.${index % 250}`).join('\n')}\n${more}`;

beforeAll(async () => {
  dir = makeTempDir();
  mkdirSync(dir.at('tmp'));
  vi.stubEnv('TMPDIR', dir.at('tmp'));
  service = await startTestService(dir.at('data'));
});
afterAll(async () => {
  await service.close();
  vi.unstubAllEnvs();
  dir[Symbol.dispose]();
});

describe('a zone of 21 000 names', () => {
  const zone = 'large.example';
  const count = 21_000;

  test('is previewed, imported and replaced as one version', async () => {
    await call('POST', '/zones', { zoneName: zone });
    const zoneFile = fileOf(count);
    const preview = await call('POST', `/zones/${zone}/import?dryRun=true`, { zoneFile });
    expect(preview).toMatchObject({ status: 200, body: { created: count } });
    expect((await call('GET', `/zones/${zone}`)).body.version).toBe(1);
    const repeatable = { 'idempotency-key': 'large-once' };
    const { status, body } = await call('POST', `/zones/${zone}/import`, { zoneFile }, repeatable);
    expect(status).toBe(200);
    expect((await call('POST', `/zones/${zone}/import`, { zoneFile }, repeatable)).body).toEqual(body);
    expect(body).toMatchObject({ created: count, updated: 0, deleted: 0, skipped: 0, recordsOmitted: count - 10_000 });
    expect(body.records).toHaveLength(10_000);
    expect((await call('GET', `/zones/${zone}`)).body.version).toBe(2);
    expect((await call('GET', `/zones/${zone}/records`)).body).toHaveLength(count);
    const again = await call('POST', `/zones/${zone}/import`, { zoneFile });
    expect(again.body).toMatchObject({ created: 0, updated: 0, skipped: count });
    expect((await call('GET', `/zones/${zone}`)).body.version).toBe(2);
    const other = await call('POST', `/zones/${zone}/import`, {
      zoneFile: fileOf(count - 5, 'new A 192.0.2.1'),
      replaceExisting: true,
    });
    expect(other.body).toMatchObject({ created: 1, updated: 0, deleted: 5 });
    expect((await call('GET', `/zones/${zone}/records?name=new`)).body).toHaveLength(1);
  });

  test('has a list of what an import changes in it, as long as that is little, and can be rolled back over it', async () => {
    const [newest, first] = (await call('GET', `/zones/${zone}/versions`)).body;
    expect(newest).toMatchObject({ version: 3, removed: 5 + 1, added: 1 + 1 });
    expect(first).not.toHaveProperty('added');
    const { body } = await call('GET', `/zones/${zone}/versions/3`);
    expect(body.added).toContain(`new.${zone}.\t3600\tIN\tA\t192.0.2.1`);
    expect((await call('POST', `/zones/${zone}/versions/2/restore`)).status).toBe(200);
    expect((await call('GET', `/zones/${zone}/records?name=new`)).body).toEqual([]);
    expect((await call('GET', `/zones/${zone}/records`)).body).toHaveLength(count);
  });

  test('is listed whole as it is listed page by page, and by type', async () => {
    const path = `/zones/${zone}/records`;
    await call('POST', path, { name: 'text', type: 'TXT', values: ['one of its kind'] });
    const whole = (await call('GET', path)).body;
    expect(whole).toHaveLength(count + 1);
    const first = (await call('GET', `${path}?limit=1000`)).body;
    expect(whole.slice(0, 1000)).toEqual(first);
    const addresses = (await call('GET', `${path}?recordType=A`)).body;
    expect(addresses).toEqual(whole.filter(({ type }: { type: string }) => type === 'A'));
    expect(addresses).toHaveLength(count);
    expect((await call('GET', `${path}?recordType=NOTHING`)).status).toBe(400);
    await call('DELETE', `${path}/text/TXT`);
  });

  test('comes and goes as nothing but a master file', async () => {
    const text = fileOf(count, '$TTL 60\nnew A 192.0.2.1\n');
    const preview = await send(`/zones/${zone}/import?dryRun=true`, text);
    expect(preview).toMatchObject({ status: 200, body: { created: 1, updated: 0, deleted: 0, skipped: count } });
    const { status, body } = await send(`/zones/${zone}/import?replaceExisting=true`, text);
    expect([status, body.created]).toEqual([200, 1]);
    expect(body.records).toMatchObject([{ name: 'new', ttl: 60 }]);
    const asText = await receive(`/zones/${zone}/export`);
    expect(asText.type).toBe('text/dns; charset=us-ascii');
    expect(asText.text).toMatch(new RegExp(`^${zone}\\.\t\\d+\tIN\tSOA\t`));
    expect(asText.text.match(/\tA\t/g)).toHaveLength(count + 1);
    const { zoneName, zoneFile } = (await call('GET', `/zones/${zone}/export`)).body;
    expect([zoneName, zoneFile]).toEqual([zone, asText.text]);
    const broken = await send(`/zones/${zone}/import`, `${text}new A\n`);
    expect([broken.status, broken.body.message]).toEqual([400, expect.stringMatching(/^zoneFile:21003:/)]);
  });

  test('stays as it is when a file has one fault in it', async () => {
    const before = (await call('GET', `/zones/${zone}`)).body;
    const bad = fileOf(count, 'new CNAME www\n');
    const refused = await call('POST', `/zones/${zone}/import`, { zoneFile: bad });
    expect(refused).toMatchObject({ status: 422, body: { message: expect.stringContaining('new.large.example.') } });
    expect((await call('GET', `/zones/${zone}`)).body).toEqual(before);
  });
});

test('tells how far the signing of a large zone has come, until it is done', async () => {
  const zone = 'waiting.example';
  await call('POST', '/zones', { zoneName: zone });
  await send(`/zones/${zone}/import`, fileOf(21_000));
  expect((await call('GET', `/zones/${zone}/work`)).body).toEqual({});
  const signing = call('PUT', `/zones/${zone}/dnssec`, { region: 'nl-01' });
  const seen: { done: number; total: number }[] = [];
  const over = new AbortController();
  const answer = signing.finally(() => over.abort());
  while (!over.signal.aborted) {
    const { work } = (await call('GET', `/zones/${zone}/work`)).body;
    if (work !== undefined) seen.push(work);
    await sleep(50);
  }
  expect((await answer).status).toBe(200);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).toSorted((left, right) => left - right));
  for (const { done, total } of seen) {
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThanOrEqual(total);
    expect(total).toBeGreaterThanOrEqual(21_000);
  }
  expect((await call('GET', `/zones/${zone}/work`)).body).toEqual({});
  expect((await call('GET', '/zones/nowhere.example/work')).status).toBe(404);
});

describe('a body that is not as it should be', () => {
  const zone = 'refusing.example';
  const post = (body: string, more: Record<string, string> = {}) =>
    fetch(`${service.baseUrl}/v1/dns/zones/${zone}/import`, {
      method: 'POST',
      headers: { ...authorised, 'content-type': 'application/json', ...more },
      body,
    });
  const zoneFile = fileOf(2500);

  test.each([
    ['a member that no import has', JSON.stringify({ zoneFile, more: 1 }), 400, 'body /more'],
    ['another type', JSON.stringify({ zoneFile: 1, replaceExisting: zoneFile }), 400, 'body /zoneFile'],
    ['no JSON', JSON.stringify({ zoneFile }).slice(0, -1), 400, 'is not valid JSON'],
    ['no JSON in its text', JSON.stringify({ zoneFile }).replace('\\n', '\n'), 400, 'is not valid JSON'],
    ['nothing', '', 400, 'the body'],
    ['U+0000', JSON.stringify({ zoneFile: `${zoneFile}\0` }), 400, 'U+0000'],
    ['too much beside the file', JSON.stringify({ zoneFile, more: zoneFile.repeat(20) }), 413, 'characters'],
  ])('is refused, and leaves no file: %s', async (_what, body, status, message) => {
    await call('POST', '/zones', { zoneName: zone });
    const answer = await post(body);
    expect([answer.status, await answer.json()]).toEqual([
      status,
      expect.objectContaining({ message: expect.stringContaining(message) }),
    ]);
    expect((await post(body, { 'content-type': 'text/plain' })).status).toBe(415);
    await expect.poll(() => readdirSync(dir.at('tmp'))).toEqual([]);
  });

  test.each([
    ['it is too large', authorised, 2 ** 31, 413],
    ['its caller may not write', { ...authorised, authorization: 'Bearer nobody' }, 2 ** 20, 401],
  ])('is refused before it is read where %s', async (_why, credentials, length, status) => {
    const { port } = new URL(service.baseUrl);
    for (const type of ['application/json', 'text/dns']) {
      const socket = connect(Number(port), '127.0.0.1');
      const lines = Object.entries({ ...credentials, 'content-type': type, 'content-length': String(length) });
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.write(`POST /v1/dns/zones/${zone}/import HTTP/1.1\r\nhost: x\r\n${head}\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      socket.destroy();
    }
  });
});

test('a large zone is signed, changed and unsigned, and others are answered meanwhile', async () => {
  const zone = 'signed.example';
  await call('POST', '/zones', { zoneName: zone });
  await call('POST', `/zones/${zone}/import`, { zoneFile: fileOf(2500) });
  const over = new AbortController();
  let answered = 0;
  const others = (async () => {
    while (!over.signal.aborted) answered += Number((await call('GET', '/zones/large.example')).status === 200);
  })();
  const on = await call('PUT', `/zones/${zone}/dnssec`, { region: 'nl-01', policy: { denial: 'nsec3' } });
  over.abort();
  await others;
  expect([on.status, answered > 5]).toEqual([200, true]);
  expect(await faultsOf(zone)).toEqual([]);
  expect((await call('POST', `/zones/${zone}/records`, { name: 'x', type: 'A', values: ['192.0.2.1'] })).status).toBe(
    201,
  );
  expect(await faultsOf(zone)).toEqual([]);
  const { status, body } = await call('PUT', `/zones/${zone}/dnssec`, { region: 'nl-01', kmsKeyIdentity: 'none' });
  expect([status, body.code]).toEqual([404, 'not-found']);
});
