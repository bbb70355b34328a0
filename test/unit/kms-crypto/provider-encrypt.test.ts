import { constants, createDecipheriv, createHmac, publicEncrypt, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyTypeRow, keyTypes, type KeyType } from '#kms/core/key-types.ts';
import {
  codeOf,
  given,
  importKey,
  makeKey,
  only,
  onlyCode,
  testProvider,
  utf8,
  type TestKey,
} from '#test/support/kms-crypto.ts';

const encrypting = keyTypes.filter((type) => keyTypeRow(type).operations.includes('encrypt'));
const aead = encrypting.filter((type) => keyTypeRow(type).associatedData);
const authenticating = keyTypes.filter((type) => keyTypeRow(type).operations.includes('hmac'));
const provider = testProvider();
const keys = new Map<KeyType, TestKey>();
const keyOf = (type: KeyType): TestKey => given(keys.get(type));
const plaintext = utf8('a secret');

beforeAll(async () => {
  for (const type of [...encrypting, ...authenticating]) keys.set(type, await makeKey(provider, type));
});
afterAll(() => provider.close());

describe.each(encrypting)('encrypting with %s', (type) => {
  const { maxPlaintext } = keyTypeRow(type);

  it('gives the plaintext back, up to the longest one', async () => {
    for (const text of [plaintext, new Uint8Array(1), new Uint8Array(maxPlaintext).fill(5)]) {
      const ciphertext = only(await provider.encrypt(keyOf(type), [{ plaintext: text }]));
      expect(Uint8Array.from(only(await provider.decrypt(keyOf(type), [{ ciphertext }])))).toEqual(text);
    }
  });

  it('refuses an empty and an overlong plaintext', async () => {
    for (const length of [0, maxPlaintext + 1]) {
      const outcomes = await provider.encrypt(keyOf(type), [{ plaintext: new Uint8Array(length) }]);
      expect(onlyCode(outcomes)).toBe('payload-invalid');
    }
  });

  it('decrypts nothing that was changed, shortened, extended, or made by another key', async () => {
    const ciphertext = only(await provider.encrypt(keyOf(type), [{ plaintext }]));
    const wrong: Uint8Array[] = [];
    for (let index = 0; index < ciphertext.length; index += Math.ceil(ciphertext.length / 20)) {
      const changed = Uint8Array.from(ciphertext);
      changed[index] = (changed[index] ?? 0) ^ 1;
      wrong.push(changed);
    }
    for (let cut = 1; cut <= Math.min(30, ciphertext.length); cut++) wrong.push(ciphertext.slice(0, -cut));
    wrong.push(Buffer.concat([ciphertext, Buffer.of(0)]), new Uint8Array(0), ciphertext.slice(1));
    const other = await makeKey(provider, type, { key: 'kms-other' });
    wrong.push(only(await provider.encrypt(other, [{ plaintext }])));
    const outcomes = await provider.decrypt(
      keyOf(type),
      wrong.map((bytes) => ({ ciphertext: bytes })),
    );
    expect(new Set(outcomes.map((outcome) => onlyCode([outcome])))).toEqual(new Set(['decryption-failed']));
  });

  it('never gives the same ciphertext twice', async () => {
    const outcomes = await provider.encrypt(keyOf(type), [{ plaintext }, { plaintext }]);
    expect(outcomes[0]).not.toEqual(outcomes[1]);
  });
});

describe.each(aead)('associated data with %s', (type) => {
  const associatedData = utf8('zone example');

  it('must be the same to decrypt', async () => {
    const ciphertext = only(await provider.encrypt(keyOf(type), [{ plaintext, associatedData }]));
    expect(Buffer.from(only(await provider.decrypt(keyOf(type), [{ ciphertext, associatedData }])))).toEqual(
      Buffer.from(plaintext),
    );
    for (const other of [undefined, utf8('zone exampl'), utf8('zone example '), new Uint8Array(0)]) {
      const outcomes = await provider.decrypt(keyOf(type), [{ ciphertext, associatedData: other }]);
      expect(onlyCode(outcomes)).toBe('decryption-failed');
    }
  });

  it('is bound to its own item of a batch', async () => {
    const items = ['a', 'bb', ''].map((text) => ({ plaintext: utf8(`text ${text}`), associatedData: utf8(text) }));
    const ciphertexts = (await provider.encrypt(keyOf(type), items)) as Uint8Array[];
    const back = await provider.decrypt(
      keyOf(type),
      ciphertexts.map((ciphertext, index) => ({ ciphertext, associatedData: items[index]?.associatedData })),
    );
    expect(back.map((text) => Buffer.from(text as Uint8Array).toString())).toEqual(['text a', 'text bb', 'text ']);
  });

  it('goes with a nonce, the ciphertext and a whole tag, as an independent decipher reads it', async () => {
    const row = keyTypeRow(type);
    if (row.family !== 'aead') throw new Error('not an AEAD type');
    const material = new Uint8Array(row.keyBytes).fill(9);
    const key = await importKey(provider, type, material);
    const bytes = only(await provider.encrypt(key, [{ plaintext, associatedData }]));
    expect(bytes).toHaveLength(12 + plaintext.length + 16);
    const nonce = bytes.subarray(0, 12);
    const decipher = createDecipheriv(row.cipher as 'aes-256-gcm', material, nonce, { authTagLength: 16 });
    decipher.setAAD(associatedData, { plaintextLength: plaintext.length }).setAuthTag(bytes.subarray(-16));
    expect(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])).toEqual(Buffer.from(plaintext));
  });
});

describe('data keys', () => {
  it('decrypt to what was handed out', async () => {
    for (const bytes of [16, 32] as const) {
      const made = await provider.generateDataKey(keyOf('aes256-gcm96'), bytes, utf8('disk 1'));
      expect(made.plaintext).toHaveLength(bytes);
      const item = { ciphertext: made.ciphertext, associatedData: utf8('disk 1') };
      expect(Buffer.from(only(await provider.decrypt(keyOf('aes256-gcm96'), [item])))).toEqual(
        Buffer.from(made.plaintext.bytes),
      );
    }
  });

  it('are made by symmetric keys only', async () => {
    expect(await codeOf(() => provider.generateDataKey(keyOf('rsa-2048'), 32))).toBe('wrong-operation');
    expect(await codeOf(() => provider.generateDataKey(keyOf('hmac'), 32))).toBe('wrong-operation');
  });
});

describe('rewrapping', () => {
  it('moves a ciphertext to another version with its associated data', async () => {
    const from = keyOf('aes256-gcm96');
    const to = await makeKey(provider, 'aes256-gcm96', { version: 2 });
    const associatedData = utf8('row 7');
    const ciphertext = only(await provider.encrypt(from, [{ plaintext, associatedData }]));
    const moved = only(await provider.rewrap(from, to, [{ ciphertext, associatedData }]));
    expect(Uint8Array.from(only(await provider.decrypt(to, [{ ciphertext: moved, associatedData }])))).toEqual(
      plaintext,
    );
    expect(onlyCode(await provider.decrypt(from, [{ ciphertext: moved, associatedData }]))).toBe('decryption-failed');
    expect(onlyCode(await provider.rewrap(from, to, [{ ciphertext }]))).toBe('decryption-failed');
  });
});

describe('RSA encryption', () => {
  it('opens what the public key encrypted with OAEP and SHA-256, and nothing else', async () => {
    const key = keyOf('rsa-2048').publicKey as KeyObject;
    const { RSA_PKCS1_OAEP_PADDING: padding, RSA_PKCS1_PADDING: old } = constants;
    const ciphertext = publicEncrypt({ key, padding, oaepHash: 'sha256' }, plaintext);
    expect(Uint8Array.from(only(await provider.decrypt(keyOf('rsa-2048'), [{ ciphertext }])))).toEqual(plaintext);
    const wrong = [
      publicEncrypt({ key, padding, oaepHash: 'sha1' }, plaintext),
      publicEncrypt({ key, padding, oaepHash: 'sha512' }, plaintext),
      publicEncrypt({ key, padding, oaepHash: 'sha256', oaepLabel: Buffer.from('label') }, plaintext),
      publicEncrypt({ key, padding: old }, plaintext),
    ];
    for (const bytes of wrong) {
      expect(onlyCode(await provider.decrypt(keyOf('rsa-2048'), [{ ciphertext: bytes }]))).toBe('decryption-failed');
    }
  });

  it('takes no associated data', async () => {
    const item = { plaintext, associatedData: utf8('x') };
    expect(onlyCode(await provider.encrypt(keyOf('rsa-2048'), [item]))).toBe('payload-invalid');
  });
});

describe.each(authenticating)('an HMAC by %s', (type) => {
  it('verifies whole, and in no other length or form', async () => {
    const hmac = only(await provider.hmac(keyOf(type), [plaintext]));
    expect(hmac).toHaveLength(type === 'hmac-sha512' ? 64 : 32);
    const verify = async (made: Uint8Array, input = plaintext): Promise<boolean> =>
      only(await provider.verifyHmac(keyOf(type), [{ input, hmac: made }]));
    expect(await verify(hmac)).toBe(true);
    expect(await verify(hmac, utf8('a secreT'))).toBe(false);
    for (const length of [0, 1, 16, hmac.length - 1]) expect(await verify(hmac.slice(0, length))).toBe(false);
    expect(await verify(Buffer.concat([hmac, Buffer.of(0)]))).toBe(false);
    const changed = Uint8Array.from(hmac);
    changed[hmac.length - 1] = (changed[hmac.length - 1] ?? 0) ^ 1;
    expect(await verify(changed)).toBe(false);
  });

  it('is the one that its exported key makes', async () => {
    const material = await provider.export(keyOf(type));
    const digest = type === 'hmac-sha512' ? 'sha512' : 'sha256';
    const expected = createHmac(digest, material.bytes).update(plaintext).digest();
    expect(Buffer.from(only(await provider.hmac(keyOf(type), [plaintext])))).toEqual(expected);
  });

  it('takes its own hash only', async () => {
    const other = type === 'hmac-sha512' ? 'sha2-256' : 'sha2-512';
    expect(await codeOf(() => provider.hmac(keyOf(type), [plaintext], { hash: other }))).toBe('hash-invalid');
  });
});
