import { constants, createCipheriv, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { unwrapTarget, wrapForImport, wrapTarget } from '#kms/core/wrapping.ts';
import type { HashAlgorithm } from '#kms/core/key-types.ts';
import { codeOf, utf8 } from '#test/support/kms-crypto.ts';

// 2048 bits are as good as the region's 4096 for these rules, and made faster.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ format: 'pem', type: 'spki' }) as string;
const modulusBytes = 256;
const target = utf8('nineteen octets now');
let blob: Uint8Array;

beforeAll(() => {
  blob = wrapTarget(publicKey, target, 'sha2-256');
});

/** Wrap an ephemeral key of any length, and a block of any octets under it. */
function forge(ephemeral: Uint8Array, wrapped: Uint8Array, label?: Buffer): Uint8Array {
  const oaep = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const head = publicEncrypt(label === undefined ? oaep : { ...oaep, oaepLabel: label }, ephemeral);
  return Buffer.concat([head, wrapped]);
}

/** Encrypt one block without any wrapping, which is AES-KWP for targets of up to 8 octets. */
function rawBlock(ephemeral: Uint8Array, hex: string): Uint8Array {
  const cipher = createCipheriv('aes-256-ecb', ephemeral, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(Buffer.from(hex, 'hex')), cipher.final()]);
}

const open = (material: Uint8Array): Buffer =>
  Buffer.from(unwrapTarget(privateKey, wrapForImport(pem, material), 'sha2-256'));

describe('an import blob', () => {
  it.each<HashAlgorithm>(['sha2-224', 'sha2-256', 'sha2-384', 'sha2-512', 'sha3-256'])('opens with %s', (hash) => {
    expect(Buffer.from(unwrapTarget(privateKey, wrapTarget(publicKey, target, hash), hash))).toEqual(
      Buffer.from(target),
    );
  });

  it('carries targets of any length', () => {
    for (const length of [1, 7, 8, 9, 16, 17, 2400]) {
      const octets = randomBytes(length);
      const opened = unwrapTarget(privateKey, wrapTarget(publicKey, octets, 'sha2-256'), 'sha2-256');
      expect(Buffer.from(opened)).toEqual(octets);
    }
  });

  it('does not open with another OAEP hash', async () => {
    expect(await codeOf(() => unwrapTarget(privateKey, blob, 'sha2-512'))).toBe('import-invalid');
  });

  it('does not open with any part changed, cut off or added', async () => {
    const wrong: Uint8Array[] = [new Uint8Array(0), blob.slice(0, modulusBytes), blob.slice(0, modulusBytes + 8)];
    for (let index = 0; index < blob.length; index += 7) {
      const changed = Uint8Array.from(blob);
      changed[index] = (changed[index] ?? 0) ^ 0x20;
      wrong.push(changed);
    }
    for (const cut of [1, 7, 8, 16]) wrong.push(blob.slice(0, -cut));
    for (const more of [1, 8]) wrong.push(Buffer.concat([blob, new Uint8Array(more)]));
    for (const bytes of wrong) {
      expect(await codeOf(() => unwrapTarget(privateKey, bytes, 'sha2-256'))).toBe('import-invalid');
    }
  });

  it('does not open with an ephemeral key that is not AES-256, or with an OAEP label', async () => {
    for (const length of [0, 16, 24, 31, 33]) {
      const bytes = forge(new Uint8Array(length), blob.subarray(modulusBytes));
      expect(await codeOf(() => unwrapTarget(privateKey, bytes, 'sha2-256'))).toBe('import-invalid');
    }
    const key = randomBytes(32);
    const labelled = forge(key, rawBlock(key, 'a65959a6000000050102030405000000'), Buffer.from('label'));
    expect(await codeOf(() => unwrapTarget(privateKey, labelled, 'sha2-256'))).toBe('import-invalid');
  });

  it.each([
    ['another initial value', 'a65959a7000000050102030405000000'],
    ['the initial value of RFC 3394', 'a6a6a6a6a6a6a6a60102030405000000'],
    ['padding that is not zero', 'a65959a6000000050102030405000001'],
    ['a length of 0', 'a65959a6000000000000000000000000'],
    ['a length beyond the block', 'a65959a6000000090102030405060708'],
    ['a length that would have needed no block', 'a65959a6ffffffff0102030405060708'],
  ])('does not open with %s in the key wrap', async (_, block) => {
    const key = randomBytes(32);
    const good = forge(key, rawBlock(key, 'a65959a6000000050102030405000000'));
    expect(Buffer.from(unwrapTarget(privateKey, good, 'sha2-256'))).toEqual(Buffer.from([1, 2, 3, 4, 5]));
    const bytes = forge(key, rawBlock(key, block));
    expect(await codeOf(() => unwrapTarget(privateKey, bytes, 'sha2-256'))).toBe('import-invalid');
  });

  it('gives one message for every fault', () => {
    const faults = [blob.slice(0, -8), forge(new Uint8Array(16), blob.subarray(modulusBytes)), new Uint8Array(600)];
    const messages = faults.map((bytes) => {
      try {
        unwrapTarget(privateKey, bytes, 'sha2-256');
        return 'opened';
      } catch (error) {
        return String(error);
      }
    });
    expect(new Set(messages).size).toBe(1);
    expect(messages[0]).toMatch(/does not open/);
  });
});

describe('material for import', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

  it('is taken as PEM or DER in every usual structure, and becomes PKCS#8', () => {
    const pkcs8 = pair.export({ format: 'der', type: 'pkcs8' });
    expect(open(pkcs8)).toEqual(pkcs8);
    expect(open(pair.export({ format: 'der', type: 'sec1' }))).toEqual(pkcs8);
    expect(open(utf8(`\n${pair.export({ format: 'pem', type: 'sec1' }) as string}`))).toEqual(pkcs8);
    expect(open(utf8(pair.export({ format: 'pem', type: 'pkcs8' }) as string))).toEqual(pkcs8);
    expect(open(utf8(`Bag Attributes: none\n${pair.export({ format: 'pem', type: 'pkcs8' }) as string}`))).toEqual(
      pkcs8,
    );
    const rsaPkcs8 = rsa.export({ format: 'der', type: 'pkcs8' });
    expect(open(rsa.export({ format: 'der', type: 'pkcs1' }))).toEqual(rsaPkcs8);
    expect(open(utf8(rsa.export({ format: 'pem', type: 'pkcs1' }) as string))).toEqual(rsaPkcs8);
  });

  it('is taken raw with the lengths of a symmetric key, and is left as it was', () => {
    for (const length of [16, 32]) {
      const octets = randomBytes(length);
      const before = Buffer.from(octets);
      expect(open(octets)).toEqual(before);
      expect(octets).toEqual(before);
    }
  });

  it('is refused as anything else', async () => {
    const encrypted = pair.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }) as string;
    for (const material of [utf8(encrypted), utf8(pem), randomBytes(31), utf8('-----BEGIN PRIVATE KEY-----\nAAAA')]) {
      expect(await codeOf(() => wrapForImport(pem, material))).toBe('import-invalid');
    }
  });

  it('is not wrapped under what is no RSA public key', async () => {
    const curve = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }) as string;
    for (const key of ['', 'no PEM', curve]) {
      expect(await codeOf(() => wrapForImport(key, randomBytes(32)))).toBe('import-invalid');
    }
  });
});
