import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KmsApi, openKmsApi } from '#test/support/kms-api.ts';

/** What the contract says of each key type. */
interface Expected {
  readonly type: string;
  readonly encrypts: boolean;
  readonly signs: boolean;
  readonly macs: boolean;
  readonly hasPublicKey: boolean;
  readonly makesDataKeys: boolean;
}

const aead = { encrypts: true, signs: false, macs: false, hasPublicKey: false, makesDataKeys: true };
const rsa = { encrypts: true, signs: true, macs: false, hasPublicKey: true, makesDataKeys: false };
const signing = { encrypts: false, signs: true, macs: false, hasPublicKey: true, makesDataKeys: false };
const mac = { encrypts: false, signs: false, macs: true, hasPublicKey: false, makesDataKeys: false };

const types: readonly Expected[] = [
  { type: 'aes128-gcm96', ...aead },
  { type: 'aes256-gcm96', ...aead },
  { type: 'chacha20-poly1305', ...aead },
  { type: 'rsa-2048', ...rsa },
  { type: 'rsa-3072', ...rsa },
  { type: 'rsa-4096', ...rsa },
  { type: 'ecdsa-p256', ...signing },
  { type: 'ecdsa-p384', ...signing },
  { type: 'ecdsa-p521', ...signing },
  { type: 'ed25519', ...signing },
  { type: 'hmac', ...mac },
  { type: 'hmac-sha256', ...mac },
  { type: 'hmac-sha512', ...mac },
];

const states = ['active', 'disabled', 'pending_deletion'] as const;
const input = Buffer.from('input').toString('base64');

let api: KmsApi;
beforeAll(async () => {
  api = await openKmsApi({ workers: 2 });
});
afterAll(() => api[Symbol.asyncDispose]());

const move: Readonly<Record<(typeof states)[number], (path: string) => Promise<unknown>>> = {
  active: async () => undefined,
  disabled: (path) => api.call('POST', `${path}/disable`),
  pending_deletion: (path) => api.call('DELETE', path),
};

describe.each(types)('a key of type $type', (expected) => {
  /** By its identity: the slug of a key that waits for its deletion is free for others. */
  let path = '';
  /** What version 1 and version 2 made, by operation. */
  const made: Record<string, string[]> = { encrypt: [], sign: [], hmac: [] };

  beforeAll(async () => {
    const name = `key ${expected.type}`;
    const created = await api.call('POST', '/v1/kms/nl-01/keys', { name, keyType: expected.type, exportAllowed: true });
    if (created.status !== 201) throw new Error(JSON.stringify(created.body));
    path = `/v1/kms/nl-01/keys/${created.body.identity}`;
    for (const version of ['1', '2']) {
      if (version === '2') await api.call('POST', `${path}/rotate`);
      if (expected.encrypts) {
        const { body } = await api.call('POST', `${path}/encrypt`, { plaintext: input });
        made['encrypt']!.push(body.ciphertext);
      }
      if (expected.signs) made['sign']!.push((await api.call('POST', `${path}/sign`, { input })).body.signature);
      if (expected.macs) made['hmac']!.push((await api.call('POST', `${path}/hmac`, { input })).body.hmac);
    }
  });

  describe.each(states)('that is %s', (state) => {
    beforeAll(async () => {
      await move[state](path);
    });
    afterAll(async () => {
      if (state === 'disabled') await api.call('POST', `${path}/enable`);
      if (state === 'pending_deletion') await api.call('DELETE', `${path}/cancel-deletion`);
    });

    const usable = state === 'active';
    const post = (call: string, body: object = {}) => api.call('POST', `${path}/${call}`, body);
    /** Success where the type can and the state lets it, and the right refusal elsewhere. */
    const wanted = (can: boolean, good: object) =>
      usable && can
        ? { status: 200, body: good }
        : { status: 400, body: { code: usable ? 'wrong-operation' : 'wrong-state' } };

    test('says so', async () => {
      expect((await api.call('GET', path)).body).toMatchObject({ status: state, latestVersion: 2 });
    });

    test.each(['1', '2', 'v1', undefined])('uses version %s', async (keyVersion) => {
      const number = keyVersion?.replace('v', '') ?? '2';
      const version = keyVersion === undefined ? {} : { keyVersion };
      const tag = (field: string) => ({ [field]: expect.stringMatching(`^thalassa:v${number}:`), keyVersion: number });
      expect(await post('encrypt', { plaintext: input, ...version })).toMatchObject(
        wanted(expected.encrypts, tag('ciphertext')),
      );
      expect(await post('sign', { input, ...version })).toMatchObject(wanted(expected.signs, tag('signature')));
      expect(await post('hmac', { input, ...version })).toMatchObject(wanted(expected.macs, tag('hmac')));
      expect(await post('export', version)).toMatchObject(wanted(true, { keyVersion: number }));
    });

    test.each(['3', '999999', 'v3'])('has no version %s', async (keyVersion) => {
      const can = { encrypt: expected.encrypts, sign: expected.signs, hmac: expected.macs };
      for (const [call, isAble] of Object.entries(can)) {
        const body = call === 'encrypt' ? { plaintext: input, keyVersion } : { input, keyVersion };
        const answer = await api.call('POST', `${path}/${call}`, body);
        const code = !usable ? 'wrong-state' : isAble ? 'version-unknown' : 'wrong-operation';
        expect(answer).toMatchObject({ status: 400, body: { code } });
      }
    });

    test.each([0, 1])('takes what version %i + 1 made', async (index) => {
      const keyVersion = String(index + 1);
      const tagged = { encrypt: 'thalassa:v1:AAAA', sign: 'thalassa:v1:AAAA', hmac: 'thalassa:v1:AAAA' };
      const ciphertext = made['encrypt']![index] ?? tagged.encrypt;
      const signature = made['sign']![index] ?? tagged.sign;
      const hmac = made['hmac']![index] ?? tagged.hmac;
      expect(await post('decrypt', { ciphertext })).toMatchObject(
        wanted(expected.encrypts, { plaintext: input, keyVersion }),
      );
      expect(await post('rewrap', { ciphertext })).toMatchObject(wanted(expected.encrypts, { keyVersion: '2' }));
      expect(await post('verify', { input, signature })).toMatchObject(wanted(expected.signs, { valid: true }));
      expect(await post('verify-hmac', { input, hmac })).toMatchObject(
        wanted(expected.macs, { valid: true, keyVersion }),
      );
    });

    test('takes nothing of a version that it does not have', async () => {
      const of = (text: string | undefined) => (text ?? 'thalassa:v1:AAAA').replace(/:v\d:/, ':v9:');
      const code = (isAble: boolean) => (!usable ? 'wrong-state' : isAble ? 'version-unknown' : 'wrong-operation');
      const calls: readonly (readonly [string, boolean, object])[] = [
        ['decrypt', expected.encrypts, { ciphertext: of(made['encrypt']![0]) }],
        ['rewrap', expected.encrypts, { ciphertext: of(made['encrypt']![0]) }],
        ['verify', expected.signs, { input, signature: of(made['sign']![0]) }],
        ['verify-hmac', expected.macs, { input, hmac: of(made['hmac']![0]) }],
      ];
      for (const [call, isAble, body] of calls)
        expect(await post(call, body)).toMatchObject({
          status: 400,
          body: { code: code(isAble) },
        });
    });

    test('makes data keys only as a symmetric key that encrypts', async () => {
      expect(await post('generate-data-key', {})).toMatchObject(wanted(expected.makesDataKeys, { keyVersion: '2' }));
    });

    test.each(expected.hasPublicKey ? ['shows its public keys in any state'] : [])('%s', async () => {
      const all = await api.call('GET', `${path}/public-key`);
      const one = await api.call('GET', `${path}/public-key?version=1`);
      expect(Object.keys(all.body.keys)).toEqual(['1', '2']);
      expect(one.body.keys).toEqual({ 1: all.body.keys['1'] });
      expect((await api.call('GET', `${path}/public-key?version=3`)).body.code).toBe('version-unknown');
    });

    test.each(expected.hasPublicKey ? [] : ['has no public key to show'])('%s', async () => {
      const answer = await api.call('GET', `${path}/public-key`);
      expect(answer).toMatchObject({ status: 400, body: { code: 'wrong-operation' } });
    });

    // An active key that rotates would have a third version, which the other tests do not expect.
    test.each(usable ? [] : ['does not rotate'])('%s', async () => {
      expect(await post('rotate')).toMatchObject({ status: 400, body: { code: 'wrong-state' } });
    });
  });
});
