import { verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binaryBatchType, composeBinaryBatch, parseBinaryBatch } from '#kms/core/binary-batch.ts';
import { pack, runOf } from '#lib/packed.ts';
import { type KmsAnswer, type KmsApi, openKmsApi } from '#test/support/kms-api.ts';

const octets = { 'content-type': binaryBatchType };
const inputs = ['one', 'two', 'three'].map((text) => Buffer.from(text));

let api: KmsApi;
let path: string;
beforeAll(async () => {
  api = await openKmsApi();
  const made = await api.call('POST', '/v1/kms/nl-01/keys', { name: 'key', keyType: 'ecdsa-p256' });
  path = `/v1/kms/nl-01/keys/${made.body.identity}`;
  await api.call('POST', `${path}/rotate`);
});
afterAll(() => api[Symbol.asyncDispose]());

const sign = (head: object, items: readonly Uint8Array[] = inputs): Promise<KmsAnswer> =>
  api.call('POST', `${path}/sign`, composeBinaryBatch(head, pack(items)), octets);

describe('a batch of octets', () => {
  test('is answered with one signature for each input, in order, by the version that was asked for', async () => {
    const answer = await sign({ keyVersion: '1', hashAlgorithm: 'sha2-256' });
    expect(answer.headers['content-type']).toBe(binaryBatchType);
    const { head, items } = parseBinaryBatch(answer.octets, { items: 3 });
    expect(head).toEqual({ keyVersion: '1', errors: [] });
    const exported = await api.call('GET', `${path}/public-key?version=1`);
    const key = Object.values(exported.body.keys as Record<string, string>)[0]!;
    for (const [index, input] of inputs.entries()) expect(verify('sha256', input, key, runOf(items, index))).toBe(true);
  });

  test('tells which items could not be signed, and signs the others', async () => {
    const answer = await sign({ prehashed: true }, [Buffer.alloc(32, 1), Buffer.alloc(31, 1), Buffer.alloc(32, 2)]);
    const { head, items } = parseBinaryBatch(answer.octets, { items: 3 });
    expect(head).toMatchObject({ keyVersion: '2', errors: [{ index: 1, code: 'payload-invalid' }] });
    expect([0, 1, 2].map((index) => runOf(items, index).length > 0)).toEqual([true, false, true]);
  });

  test('is one event in the audit log, with its count', async () => {
    await sign({});
    const { body } = await api.call('GET', '/v1/audit?limit=1000');
    expect(body.at(-1)).toMatchObject({ operation: 'kms.sign', outcome: 'allowed', version: 2, count: 3 });
  });

  test.each([
    ['a version that the key does not have', { keyVersion: '9' }, 'version-unknown'],
    ['a hash that it does not know', { hashAlgorithm: 'md5' }, 'hash-invalid'],
    ['a member that it does not know', { batch: [] }, 'request-invalid'],
    ['a version that is no text', { keyVersion: 1 }, 'request-invalid'],
  ])('is refused as in JSON with %s', async (_, head, code) => {
    expect(await sign(head)).toMatchObject({ status: 400, body: { code } });
  });

  test('is refused without items, with too many, and where it is malformed', async () => {
    const many = Array.from({ length: 10_001 }, () => new Uint8Array(1));
    for (const items of [[], many])
      expect(await sign({}, items)).toMatchObject({ status: 400, body: { code: 'payload-invalid' } });
    for (const body of [new Uint8Array(0), new Uint8Array(3), composeBinaryBatch({}, pack(inputs)).subarray(0, -1)])
      expect((await api.call('POST', `${path}/sign`, body, octets)).status).toBe(400);
  });

  test('is an unsupported media type for other calls', async () => {
    const body = composeBinaryBatch({}, pack(inputs));
    expect(await api.call('POST', `${path}/verify`, body, octets)).toMatchObject({ status: 415 });
  });

  test('needs the right to sign', async () => {
    const reader = await api.tokenFor({ policies: ['kms:Read'] });
    const answer = await api.call('POST', `${path}/sign`, composeBinaryBatch({}, pack(inputs)), {
      ...octets,
      ...reader,
    });
    expect(answer).toMatchObject({ status: 404, body: { code: 'not-found' } });
  });
});

test('a call without a body is refused', async () => {
  expect(await api.call('POST', `${path}/sign`)).toMatchObject({ status: 400 });
});
