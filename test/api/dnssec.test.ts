import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { request } from 'undici';
import type { KeyRecords, SignRRsetsResponse, VerifyZoneResponse } from '#dnssec/api.ts';
import { parseName } from '#dns/name.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { verifyZone } from '#dnssec/operations/verify-zone.ts';
import { inOnePiece, recordsOf } from '#test/support/dns.ts';
import { localVerifier } from '#test/support/local-signer.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { startZoneseal, type Zoneseal } from '#test/support/zoneseal.ts';

const dir = makeTempDir();
const zoneText = readFileSync('fixtures/zones/awkward.zone', 'latin1');
let service: Zoneseal;
let keyId: string;
beforeAll(async () => {
  service = await startZoneseal({ data: dir.at('data') });
  const { body } = await service.call('POST', '/v1/kms/nl-01/keys', { name: 'zone', keyType: 'ecdsa-p256' });
  keyId = (body as { identity: string }).identity;
});
afterAll(async () => {
  await service.stop();
  dir[Symbol.dispose]();
});

interface ZoneAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Send a zone and take the answer as it comes. */
async function sendZone(path: string, body: string, headers: Record<string, string> = {}): Promise<ZoneAnswer> {
  const answer = await request(`${service.url}/v1/dnssec${path}`, {
    method: 'POST',
    headers: { ...service.headers, 'content-type': 'text/dns', ...headers },
    body: Buffer.from(body, 'latin1'),
  });
  return { status: answer.statusCode, type: String(answer.headers['content-type']), text: await answer.body.text() };
}

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const verified = (text: string) =>
  verifyZone(
    parseName('awkward.example.'),
    inOnePiece(recordsOf(text)),
    { at: Math.floor(Date.now() / 1000) },
    localVerifier,
  );

describe('signing RRsets', () => {
  const sign = (more: object) =>
    service.call('POST', '/v1/dnssec/sign', {
      zone: 'example.com',
      region: 'nl-01',
      keys: [{ kmsKeyIdentity: keyId }],
      rrsets: [{ name: 'www', type: 'A', ttl: 300, rdata: ['192.0.2.2', '192.0.2.1'] }],
      ...more,
    });

  test('gives RRSIGs, the DNSKEY that they verify with, and keeps names and order', async () => {
    const { status, body } = await sign({
      rrsets: [{ name: 'WWW.example.com.', type: 'MX', ttl: 300, rdata: ['20 B', '10 A'] }],
    });
    expect(status).toBe(200);
    const { keys, rrsets } = body as SignRRsetsResponse;
    expect(keys).toMatchObject([
      { kmsKeyIdentity: keyId, version: 1, role: 'csk', algorithm: 13, algorithmName: 'ECDSAP256SHA256' },
    ]);
    expect(rrsets[0]).toMatchObject({
      name: 'WWW.example.com.',
      type: 'MX',
      ttl: 300,
      rdata: ['20 B.example.com.', '10 A.example.com.'],
    });
    expect(rrsets[0]?.rrsigs[0]).toMatch(
      new RegExp(`^MX 13 3 300 \\d{14} \\d{14} ${keys[0]?.keyTag} example\\.com\\. `),
    );
  });

  test('takes the validity that is asked for', async () => {
    const { body } = await sign({ validity: { lifetime: 3600, inceptionOffset: 0, jitter: 0 } });
    const [, , , , expiration = '', inception = ''] = (body as SignRRsetsResponse).rrsets[0]!.rrsigs[0]!.split(' ');
    const seconds = (compact: string) =>
      Date.parse(compact.replace(/(....)(..)(..)(..)(..)(..)/, '$1-$2-$3T$4:$5:$6Z')) / 1000;
    expect(seconds(expiration) - seconds(inception)).toBe(3600);
  });

  test('a DNSKEY RRset must hold the key that signs it', async () => {
    const { keys } = (await sign({})).body as SignRRsetsResponse;
    const rdata = keys[0]!.dnskey.split('\t').at(-1)!;
    const ok = await sign({ rrsets: [{ name: '@', type: 'DNSKEY', ttl: 300, rdata: [rdata] }] });
    expect(ok.status).toBe(200);
    const other = `257 3 13 ${Buffer.alloc(64, 1).toString('base64')}`;
    const refused = await sign({ rrsets: [{ name: '@', type: 'DNSKEY', ttl: 300, rdata: [other] }] });
    expect(refused).toMatchObject({
      status: 400,
      body: { code: 'request-invalid', details: { pointer: '/rrsets/0/rdata' } },
    });
    expect(() => parseRdataText(rrTypes.DNSKEY, rdata)).not.toThrow();
  });

  const www = { name: 'www', type: 'A', ttl: 300, rdata: ['192.0.2.1'] };
  test.each([
    [
      { rrsets: [{ ...www, rdata: ['192.0.2'] }] },
      400,
      '/rrsets/0/rdata/0: "192.0.2" was found where an IPv4 address was expected',
    ],
    [{ rrsets: [www, { ...www, name: 'WWW' }] }, 400, '/rrsets/1: WWW.example.com. A stands twice'],
    [
      { rrsets: [{ ...www, name: 'www.example.org.' }] },
      400,
      '/rrsets/0/name: www.example.org. is not within example.com.',
    ],
    [{ rrsets: [{ ...www, type: 'RRSIG', rdata: ['x'] }] }, 400, '/rrsets/0/type: RRSIG records are never signed'],
    [{ rrsets: [{ ...www, type: 'NOPE' }] }, 400, '/rrsets/0/type: "NOPE" is not an RR type'],
    [{ rrsets: [{ ...www, ttl: -1 }] }, 400, 'body /rrsets/0/ttl'],
    [{ zone: 'a..b' }, 400, '/zone: "a..b" is not a domain name'],
    [{ zone: undefined }, 400, 'body /zone is required'],
    [{ keys: [{ kmsKeyIdentity: 'kms-none' }] }, 404, 'there is no such key'],
    [{ region: 'xx-99' }, 404, 'region or organisation here'],
    [{ validity: { lifetime: 10, jitter: 10 } }, 400, 'must be longer than the jitter'],
  ])('%j is refused: %i, %s', async (more, status, message) => {
    const answer = await sign(more);
    expect(answer.status).toBe(status);
    expect((answer.body as { message: string }).message).toContain(message);
  });

  test('without credentials, or with wrong ones, it is 401', async () => {
    const body = { zone: 'a', region: 'nl-01', keys: [{ kmsKeyIdentity: keyId }], rrsets: [www] };
    expect((await service.call('POST', '/v1/dnssec/sign', body, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect(
      (
        await request(`${service.url}/v1/dnssec/zones/verify`, {
          method: 'POST',
          headers: { 'content-type': 'text/dns' },
          body: 'x',
        })
      ).statusCode,
    ).toBe(401);
  });

  test('a key that cannot sign for DNSSEC says so', async () => {
    const { body } = await service.call('POST', '/v1/kms/nl-01/keys', { name: 'p521', keyType: 'ecdsa-p521' });
    const answer = await sign({ keys: [{ kmsKeyIdentity: (body as { identity: string }).identity }] });
    expect(answer).toMatchObject({ status: 422, body: { code: 'algorithm-unsupported' } });
  });
});

describe('signing a whole zone', () => {
  const path = () => `/zones/sign?region=nl-01&csk=${keyId}`;

  test('master file in, master file out, and valid', async () => {
    const { status, type, text } = await sendZone(`${path()}&denial=nsec3&zonemd=true&serial=increment`, zoneText);
    expect([status, type]).toEqual([200, 'text/dns; charset=us-ascii']);
    expect(text.split('\n', 1)[0]).toMatch(/^awkward\.example\.\t3600\tIN\tSOA\t.* 2026112402 /);
    expect((await verified(text)).valid).toBe(true);
  });

  test('as NDJSON it tells the progress first, then the records, then the result', async () => {
    const { type, text } = await sendZone(path(), zoneText, { accept: 'application/x-ndjson' });
    expect(type).toBe('application/x-ndjson');
    const lines = linesOf(text);
    expect(Object.keys(lines[0]!)).toEqual(['progress']);
    const kinds = [...new Set(lines.map((line) => Object.keys(line)[0]))];
    expect(kinds).toEqual(['progress', 'record', 'result']);
    expect(lines.at(-1)).toMatchObject({ result: { zone: 'awkward.example.', keys: [{ kmsKeyIdentity: keyId }] } });
    const again = lines
      .filter((line) => 'record' in line)
      .map((line) => JSON.stringify(line))
      .join('\n');
    const report = await sendZone('/zones/verify', again, { 'content-type': 'application/x-ndjson' });
    expect(JSON.parse(report.text)).toMatchObject({ valid: true });
  });

  test('split keys and pinned versions', async () => {
    const { body } = await service.call('POST', '/v1/kms/nl-01/keys', { name: 'ksk', keyType: 'ecdsa-p256' });
    const ksk = (body as { identity: string }).identity;
    const { status, text } = await sendZone(`/zones/sign?region=nl-01&ksk=${ksk}@1&zsk=${keyId}@1`, zoneText);
    expect(status).toBe(200);
    expect((await verified(text)).valid).toBe(true);
  });

  test('a broken file names line and column, and nothing is sent of the zone', async () => {
    const { status, text } = await sendZone(path(), zoneText.replace('192.0.2.25', '192.0.2.x'));
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({
      code: 'zone-file-invalid',
      details: { file: 'body', column: 31 },
      message: expect.stringMatching(/^body:\d+:31: "192\.0\.2\.x"/),
    });
  });

  test('as NDJSON the fault is the last line', async () => {
    const { text } = await sendZone(path(), zoneText.replace('192.0.2.25', '192.0.2.x'), {
      accept: 'application/x-ndjson',
    });
    expect(linesOf(text).at(-1)).toMatchObject({ error: { code: 'zone-file-invalid' } });
    expect(text).not.toContain('"record"');
  });

  test.each([
    ['www 1 A 192.0.2.1\n', 'holds no SOA record'],
    ['@ 1 SOA a b 1 2 3 4 5\n', 'example. NS: is missing'],
    [
      '@ 1 SOA a b 1 2 3 4 5\n@ 1 NS a\nx 1 CNAME y\nx 1 A 192.0.2.1\nb.x 1 DS 1 13 2 00\n',
      'x.example. CNAME: has A beside it; b.x.example. DS: has no NS beside it',
    ],
    ['@ 1 SOA a b 1 2 3 4 5\n$INCLUDE /etc/passwd\n', '$INCLUDE is not allowed here'],
  ])('%j is refused: %s', async (text, message) => {
    const answer = await sendZone(`${path()}&origin=example`, text);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect((JSON.parse(answer.text) as { message: string }).message).toContain(message);
  });

  test.each([
    ['&denial=nsec&optOut=true', 'opt-out is a feature of NSEC3'],
    ['&validity=soon', '"soon" is not a duration'],
    ['&ksk=x', 'one CSK (csk), or with a KSK and a ZSK'],
    ['&denial=nsec5', 'query /denial must be one of "nsec", "nsec3"'],
  ])('the query %s is refused: %s', async (query, message) => {
    const answer = await sendZone(path() + query, zoneText);
    expect([answer.status, (JSON.parse(answer.text) as { message: string }).message]).toEqual([
      400,
      expect.stringContaining(message),
    ]);
  });

  test('another media type is 415', async () => {
    expect((await sendZone(path(), '<zone/>', { 'content-type': 'text/xml' })).status).toBe(415);
  });
});

describe('records for a registrar, and verification', () => {
  test('DNSKEY, DS, CDS and CDNSKEY of all versions, the newest first', async () => {
    const { body } = await service.call('POST', '/v1/kms/nl-01/keys', { name: 'two', keyType: 'ed25519' });
    const { identity } = body as { identity: string };
    await service.call('POST', `/v1/kms/nl-01/keys/${identity}/rotate`);
    const answer = await service.call('GET', `/v1/dnssec/keys/${identity}?zone=example.com&region=nl-01`);
    const { keys } = answer.body as KeyRecords;
    expect(keys.map((key) => key.version)).toEqual([2, 1]);
    expect(keys[0]?.ds.map((line) => line.split('\t').slice(0, 4).join(' '))).toEqual([
      'example.com. 3600 IN DS',
      'example.com. 3600 IN DS',
    ]);
    expect(keys[0]?.cdnskey[0]?.replace('CDNSKEY', 'DNSKEY')).toBe(keys[0]?.dnskey);
    const zsk = (await service.call('GET', `/v1/dnssec/keys/${identity}?zone=example.com&region=nl-01&role=zsk`))
      .body as KeyRecords;
    expect(zsk.keys[0]).toMatchObject({ ds: [], cds: [], cdnskey: [] });
  });

  test('a zone is judged against anchors and at a time', async () => {
    const { text } = await sendZone(`/zones/sign?region=nl-01&csk=${keyId}`, zoneText);
    const { keys } = (await service.call('GET', `/v1/dnssec/keys/${keyId}?zone=awkward.example&region=nl-01`))
      .body as KeyRecords;
    const verify = async (query: string) =>
      JSON.parse((await sendZone(`/zones/verify?${query}`, text)).text) as VerifyZoneResponse;
    expect(await verify(`anchor=${encodeURIComponent(keys[0]!.ds[0]!)}`)).toMatchObject({
      valid: true,
      zone: 'awkward.example.',
    });
    expect((await verify(`anchor=${encodeURIComponent('awkward.example. DS 1 13 2 00')}`)).faults[0]).toMatchObject({
      code: 'anchor-mismatch',
    });
    expect((await verify('at=2020-01-01T00:00:00Z')).faults[0]).toMatchObject({ code: 'rrsig-not-yet-valid' });
  });

  test.each(['application/json', 'multipart/form-data; boundary=x', 'text/html'])(
    'a zone is not taken from %s',
    async (type) => {
      for (const path of ['/zones/verify', '/zones/sign?region=nl-01&csk=x']) {
        for (const accept of ['*/*', 'application/x-ndjson']) {
          const answer = await sendZone(path, '"x"', { 'content-type': type, accept });
          expect(answer).toMatchObject({ status: 415 });
          expect(JSON.parse(answer.text)).toMatchObject({ code: 'unsupported-media' });
        }
      }
    },
  );

  test('RRsets are not taken from a master file', async () => {
    const answer = await sendZone('/sign', '{}', { 'content-type': 'text/dns' });
    expect(answer).toMatchObject({ status: 415 });
  });

  test('the OpenAPI document describes every route', async () => {
    const { body } = await service.call('GET', '/openapi.json');
    const { paths } = body as { paths: Record<string, object> };
    for (const path of [
      '/v1/dnssec/sign',
      '/v1/dnssec/zones/sign',
      '/v1/dnssec/zones/verify',
      '/v1/dnssec/keys/{keyId}',
      '/v1/kms/{region}/keys/{id}/sign',
    ])
      expect(paths).toHaveProperty([path]);
  });
});
