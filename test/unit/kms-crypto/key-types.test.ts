import { checkPrimeSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chooseHash, parseHashAlgorithm, parseHmacAlgorithm } from '#kms/core/hash-algorithms.ts';
import { assertOperation, defaultKeyType, isKeyType, keyTypeRow, keyTypes } from '#kms/core/key-types.ts';
import { chooseSignature } from '#kms/core/signature-choice.ts';
import { codeOf } from '#test/support/kms-crypto.ts';

const can = (operation: string) =>
  keyTypes.filter((type) => (keyTypeRow(type).operations as readonly string[]).includes(operation));

describe('key types', () => {
  it('are the thirteen of the contract, and nothing else is one', () => {
    expect(keyTypes).toHaveLength(13);
    expect(isKeyType('rsa-4096')).toBe(true);
    expect(['rsa-1024', '', 'constructor', 'RSA-2048'].filter(isKeyType)).toEqual([]);
    expect(defaultKeyType).toBe('aes256-gcm96');
  });

  it('encrypt where the contract says so', () => {
    const encrypting = ['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305', 'rsa-2048', 'rsa-3072', 'rsa-4096'];
    expect(can('encrypt')).toEqual(encrypting);
    expect(can('decrypt')).toEqual(encrypting);
  });

  it('sign where the contract says so', () => {
    const signing = ['rsa-2048', 'rsa-3072', 'rsa-4096', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519'];
    expect(can('sign')).toEqual(signing);
    expect(can('verify')).toEqual(signing);
    expect(keyTypes.filter((type) => keyTypeRow(type).publicKey !== undefined)).toEqual(signing);
  });

  it('make an HMAC only where they are made for it, and those cannot be imported', () => {
    const authenticating = ['hmac', 'hmac-sha256', 'hmac-sha512'];
    expect(can('hmac')).toEqual(authenticating);
    expect(keyTypes.filter((type) => !keyTypeRow(type).importable)).toEqual(authenticating);
  });

  it('limit RSA plaintexts to what OAEP with SHA-256 leaves of the modulus', () => {
    const rows = keyTypes.map(keyTypeRow).filter((row) => row.family === 'rsa');
    expect(rows.map((row) => row.maxPlaintext)).toEqual(rows.map((row) => row.modulusBits / 8 - 2 * 32 - 2));
    expect(rows).toHaveLength(3);
  });

  it('know the prime order of each curve', () => {
    const orders = keyTypes.map(keyTypeRow).flatMap((row) => (row.family === 'ecdsa' ? [row.order] : []));
    expect(orders.map((order) => order.toString(2).length)).toEqual([256, 384, 521]);
    expect(orders.every((order) => checkPrimeSync(order))).toBe(true);
  });

  it('refuse an operation that is not theirs', async () => {
    expect(await codeOf(() => assertOperation('hmac', 'sign'))).toBe('wrong-operation');
    expect(await codeOf(() => assertOperation('ed25519', 'encrypt'))).toBe('wrong-operation');
    expect(await codeOf(() => assertOperation('ecdsa-p256', 'verify-hmac'))).toBe('wrong-operation');
    expect(() => assertOperation('ed25519', 'sign')).not.toThrow();
  });
});

describe('hash algorithms', () => {
  it('are known by their aliases', () => {
    for (const alias of ['sha2-256', 'sha256', 'SHA-256', 'SHA256', 'sha-256']) {
      expect(parseHashAlgorithm(alias)).toBe('sha2-256');
    }
    expect(parseHashAlgorithm('SHA3-384')).toBe('sha3-384');
    expect(parseHmacAlgorithm('hmac-sha512')).toBe('sha2-512');
  });

  it('are refused when unknown, SHA-1 among them', async () => {
    for (const name of ['sha1', 'SHA-1', 'sha2-1', 'md5', '', 'none', 'sha256 ', 'toString']) {
      expect(await codeOf(() => parseHashAlgorithm(name))).toBe('hash-invalid');
    }
  });

  it('default to the size of the curve', () => {
    expect(chooseHash(keyTypeRow('ecdsa-p256'), undefined)).toBe('sha2-256');
    expect(chooseHash(keyTypeRow('ecdsa-p384'), undefined)).toBe('sha2-384');
    expect(chooseHash(keyTypeRow('ecdsa-p521'), undefined)).toBe('sha2-512');
    expect(chooseHash(keyTypeRow('rsa-4096'), undefined)).toBe('sha2-256');
  });

  it('are refused, not ignored, where the type takes none or another', async () => {
    expect(await codeOf(() => chooseHash(keyTypeRow('ed25519'), 'sha2-512'))).toBe('hash-invalid');
    expect(await codeOf(() => chooseHash(keyTypeRow('hmac-sha256'), 'sha2-512'))).toBe('hash-invalid');
    expect(await codeOf(() => chooseHash(keyTypeRow('aes256-gcm96'), 'sha2-256'))).toBe('hash-invalid');
  });
});

describe('the choice of a signature', () => {
  it('defaults to PSS for RSA and to DER for ECDSA', () => {
    expect(chooseSignature(keyTypeRow('rsa-2048'), {})).toMatchObject({ scheme: 'pss', marshaling: undefined });
    expect(chooseSignature(keyTypeRow('ecdsa-p256'), {})).toMatchObject({ scheme: undefined, marshaling: 'asn1' });
    expect(chooseSignature(keyTypeRow('ed25519'), {})).toEqual({
      hash: undefined,
      prehashed: false,
      scheme: undefined,
      marshaling: undefined,
    });
  });

  it('refuses what the type does not have', async () => {
    const [rsa, ecdsa, ed25519] = [keyTypeRow('rsa-2048'), keyTypeRow('ecdsa-p256'), keyTypeRow('ed25519')];
    expect(await codeOf(() => chooseSignature(ed25519, { prehashed: true }))).toBe('algorithm-invalid');
    expect(await codeOf(() => chooseSignature(ed25519, { marshalingAlgorithm: 'p1363' }))).toBe('algorithm-invalid');
    expect(await codeOf(() => chooseSignature(ecdsa, { signatureAlgorithm: 'pss' }))).toBe('algorithm-invalid');
    expect(await codeOf(() => chooseSignature(rsa, { marshalingAlgorithm: 'asn1' }))).toBe('algorithm-invalid');
  });
});
