import { createServer, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeKmsConnections, KmsClient } from '#kms/client.ts';
import { pack } from '#lib/packed.ts';
import { connectKms } from '#dnssec/adapters/kms-signer.ts';
import { binaryBatchType, composeBinaryBatch } from '#kms/core/binary-batch.ts';
import { getAlgorithm } from '#dnssec/core/keys/algorithms.ts';

interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A KMS that answers as it is told, and remembers what it was asked. */
let replies: (Reply | 'hang up' | 'stay silent')[];
let asked: { url: string; headers: IncomingMessage['headers']; body: string }[];
let server: Server;
let url: string;

beforeEach(async () => {
  replies = [];
  asked = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (text: Buffer) => (body += text.toString('latin1')));
    request.on('end', () => {
      asked.push({ url: request.url ?? '', headers: request.headers, body });
      const reply = replies.shift() ?? { status: 500, body: { message: 'not expected' } };
      if (reply === 'stay silent') return;
      if (reply === 'hang up') {
        request.socket.destroy();
        return;
      }
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
      response.end(
        typeof reply.body === 'string' || reply.body instanceof Uint8Array ? reply.body : JSON.stringify(reply.body),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await closeKmsConnections(url);
  server.closeAllConnections();
  server.close();
});

const client = (more: object = {}) =>
  new KmsClient({ url, authorization: 'Bearer t', organisation: 'o', region: 'nl-01', tries: 3, ...more });
const signature = (version: number, octets = 'AAAA') => ({
  signature: `thalassa:v${version}:${octets}`,
  keyVersion: String(version),
});
const good = { status: 200, body: { results: [signature(1)] } };
const signOne = () => client().signBatch('k', { keyVersion: 1, inputs: pack([Uint8Array.of(1)]) });

describe('a signing call', () => {
  test('pins the version, sends the inputs in order and tells who asks', async () => {
    replies = [{ status: 200, body: { results: [signature(2, 'AQ=='), signature(2, 'Ag==')] } }];
    const signer = client({ project: 'p' });
    const inputs = pack([Uint8Array.of(1), Uint8Array.of(2)]);
    expect(await signer.signBatch('k/1', { keyVersion: 2, inputs, hashAlgorithm: 'sha2-256' })).toEqual(inputs);
    expect(asked[0]?.url).toBe('/v1/kms/nl-01/keys/k%2F1/sign');
    expect(JSON.parse(asked[0]!.body)).toEqual({
      hashAlgorithm: 'sha2-256',
      keyVersion: '2',
      batch: [{ input: 'AQ==' }, { input: 'Ag==' }],
    });
    expect(asked[0]?.headers).toMatchObject({
      authorization: 'Bearer t',
      'x-organisation-identity': 'o',
      'x-project-identity': 'p',
    });
  });

  test.each([
    ['503', { status: 503, body: { message: 'busy' } }],
    ['429', { status: 429, body: { message: 'slow down' } }],
    ['502', { status: 502, body: '<html>' }],
    ['a broken connection', 'hang up' as const],
  ])('is tried again after %s', async (_, first) => {
    replies = [first, first, good];
    expect((await signOne()).ends).toHaveLength(1);
    expect(asked).toHaveLength(3);
  });

  test('gives up after the last try and says why', async () => {
    replies = [
      { status: 503, body: { message: 'region is down' } },
      { status: 503, body: { message: 'region is down' } },
      { status: 503, body: { message: 'region is down' } },
    ];
    await expect(signOne()).rejects.toMatchObject({
      code: 'refused',
      status: 503,
      message: 'the KMS answered 503: region is down',
    });
    server.close();
    server.closeAllConnections();
    await expect(signOne()).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('gives up a try that is not answered in time, also one that waits for a connection', async () => {
    replies = Array.from({ length: 16 }, () => 'stay silent' as const);
    const calls = (count: number, timeout: number) =>
      Promise.allSettled(Array.from({ length: count }, () => client({ timeout, tries: 1 }).getKey('k')));
    const sent = calls(16, 600);
    const late = { status: 'rejected', reason: expect.objectContaining({ code: 'unreachable' }) as unknown };
    expect(await calls(4, 100)).toEqual(Array.from({ length: 4 }, () => expect.objectContaining(late)));
    expect(await sent).toEqual(Array.from({ length: 16 }, () => expect.objectContaining(late)));
    expect(asked).toHaveLength(16);
    replies = [good];
    expect((await signOne()).ends).toHaveLength(1);
  });

  test('reaches a KMS below a path', async () => {
    replies = [{ status: 200, body: {} }];
    await client({ url: `${url}/kms/` }).call('GET', '/v1/kms/summary');
    expect(asked[0]?.url).toBe('/kms/v1/kms/summary');
    await closeKmsConnections(`${url}/kms/`);
  });

  test('waits as long as Retry-After says', async () => {
    replies = [{ status: 429, body: { message: 'x' }, headers: { 'retry-after': '1' } }, good];
    const started = performance.now();
    await signOne();
    expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  });

  test.each([400, 401, 403, 404, 409, 500])('is not tried again after %i', async (status) => {
    replies = [{ status, body: { message: 'no', code: 'x' } }, good];
    await expect(signOne()).rejects.toMatchObject({ code: 'refused', status, details: { status, code: 'x' } });
    expect(asked).toHaveLength(1);
  });

  test.each([
    ['another version', { results: [signature(2)] }, 'signed with version 2 where version 1 was asked for'],
    [
      'two versions in one answer',
      { results: [{ signature: 'thalassa:v2:AAAA', keyVersion: '1' }] },
      'where version 1 was asked for',
    ],
    ['an error for an item', { results: [{ error: { code: 'x', message: 'bad item' } }] }, 'did not sign: bad item'],
    ['too few results', { results: [] }, 'breaks the contract'],
    ['no results', {}, 'breaks the contract'],
    ['a signature without its prefix', { results: [{ signature: 'AAAA', keyVersion: '1' }] }, 'thalassa:v<version>'],
    ['something else', 'not json', 'not JSON'],
  ])('is refused when the answer has %s', async (_, body, message) => {
    replies = [{ status: 200, body }];
    await expect(signOne()).rejects.toThrow(message);
    expect(asked).toHaveLength(1);
  });
});

describe('a large batch', () => {
  const inputs = Array.from({ length: 40 }, (_, index) => Uint8Array.of(index));
  const sign = () => client().signBatch('k', { keyVersion: 1, inputs: pack(inputs), hashAlgorithm: 'sha2-256' });
  const octets = (head: object, items: readonly Uint8Array[] = inputs) => ({
    status: 200,
    body: composeBinaryBatch(head, pack(items)),
    headers: { 'content-type': binaryBatchType },
  });

  test('travels as octets in both directions', async () => {
    replies = [octets({ keyVersion: '1', errors: [] })];
    expect(await sign()).toEqual(pack(inputs));
    expect(asked[0]?.headers).toMatchObject({ 'content-type': binaryBatchType, 'idempotency-key': expect.any(String) });
    const sent = composeBinaryBatch({ hashAlgorithm: 'sha2-256', keyVersion: '1' }, pack(inputs));
    expect(asked[0]?.body).toBe(Buffer.from(sent).toString('latin1'));
  });

  test('travels as JSON, now and later, where the KMS knows nothing else', async () => {
    const json = { status: 200, body: { results: inputs.map(() => signature(1)) } };
    replies = [{ status: 415, body: { message: 'JSON only' } }, json, json];
    expect((await sign()).ends).toHaveLength(40);
    expect((await sign()).ends).toHaveLength(40);
    expect(asked.map(({ headers }) => headers['content-type'])).toEqual([
      binaryBatchType,
      'application/json',
      'application/json',
    ]);
  });

  test('is tried again as it was', async () => {
    replies = [{ status: 503, body: { message: 'busy' } }, octets({ keyVersion: '1', errors: [] })];
    expect((await sign()).ends).toHaveLength(40);
    expect(asked[1]?.body).toBe(asked[0]?.body);
  });

  test.each([
    ['another version', octets({ keyVersion: '2', errors: [] }), 'signed with version 2 where version 1'],
    [
      'an error for an item',
      octets({ keyVersion: '1', errors: [{ index: 3, code: 'x', message: 'bad item' }] }),
      'did not sign: bad item',
    ],
    ['too few signatures', octets({ keyVersion: '1', errors: [] }, inputs.slice(1)), 'breaks the contract'],
    [
      'an empty signature',
      octets(
        { keyVersion: '1', errors: [] },
        inputs.map(() => new Uint8Array(0)),
      ),
      'empty signature',
    ],
    ['a head of another form', octets({ version: 1 }), 'breaks the contract'],
    ['octets that are no batch', { ...octets({}), body: new Uint8Array(3) }, 'malformed'],
    ['JSON', { status: 200, body: { results: [] } }, 'breaks the contract'],
  ])('is refused when the answer has %s', async (_, reply, message) => {
    replies = [reply];
    await expect(sign()).rejects.toThrow(message);
    expect(asked).toHaveLength(1);
  });
});

test('a repeated POST carries the same Idempotency-Key, another call another one', async () => {
  replies = [
    { status: 503, body: {} },
    { status: 500, body: {} },
    { status: 500, body: {} },
  ];
  await expect(client().createKey({ name: 'k', keyType: 'ed25519' })).rejects.toThrow('500');
  await expect(client().createKey({ name: 'k', keyType: 'ed25519' })).rejects.toThrow('500');
  const keys = asked.map(({ headers }) => headers['idempotency-key']);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
});

describe('the signer of the DNSSEC service', () => {
  const caller = { authorization: 'Bearer t', organisation: 'o' };

  test.each([
    [401, 'unauthenticated'],
    [404, 'not-found'],
    [400, 'kms-refused'],
    [403, 'kms-refused'],
  ])('says of a %i that it is %s', async (status, code) => {
    replies = [{ status, body: { message: 'no' } }];
    const signer = connectKms({ url }).signerFor(caller, 'nl-01');
    const batch = { keyId: 'k', version: 1, algorithm: getAlgorithm(13), inputs: pack([new Uint8Array(1)]) };
    await expect(signer.sign(batch)).rejects.toMatchObject({ code });
  });

  test('asks RSA keys for PKCS#1 v1.5 and ECDSA keys for the digest of the algorithm', async () => {
    for (const [number, expected] of [
      [8, { hashAlgorithm: 'sha2-256', signatureAlgorithm: 'pkcs1v15' }],
      [10, { hashAlgorithm: 'sha2-512', signatureAlgorithm: 'pkcs1v15' }],
      [14, { hashAlgorithm: 'sha2-384' }],
      [15, {}],
    ] as const) {
      replies = [good];
      await connectKms({ url })
        .signerFor(caller, 'nl-01')
        .sign({ keyId: 'k', version: 1, algorithm: getAlgorithm(number), inputs: pack([new Uint8Array(1)]) });
      const { batch: _, keyVersion: __, ...choices } = JSON.parse(asked.at(-1)!.body) as Record<string, unknown>;
      expect(choices).toEqual(expected);
    }
  });

  test('never makes a key because the list could not be had', async () => {
    replies = [{ status: 500, body: { message: 'broken' } }];
    await expect(
      connectKms({ url })
        .keyMakerFor(caller, 'nl-01')
        .findOrCreateKey({ name: 'k', keyType: 'ed25519', labels: { a: 'b' } }),
    ).rejects.toThrow('500');
    expect(asked.map(({ url: path }) => path)).toEqual(['/v1/kms/nl-01/keys?matchLabels%5Ba%5D=b']);
  });
});
