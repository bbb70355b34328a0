import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { kekIdOf } from '#kms/core/envelope.ts';
import { keyTypeRow, keyTypes, type KeyType } from '#kms/core/key-types.ts';
import { parseMaterial } from '#kms/core/material-file.ts';
import { formatPublicKey } from '#kms/core/public-key.ts';
import { wrapTarget } from '#kms/core/wrapping.ts';
import {
  codeOf,
  importKey,
  makeKey,
  only,
  publicKeyOf,
  refOf,
  testKek,
  testProvider,
  utf8,
  wrappingKeyOf,
} from '#test/support/kms-crypto.ts';

const provider = testProvider();
afterAll(() => provider.close());

const pkcs8 = { format: 'der', type: 'pkcs8' } as const;
const importable = keyTypes.filter((type) => keyTypeRow(type).importable);

describe('key material', () => {
  it.each(importable)('of type %s comes back from an export as it was imported', async (type) => {
    const key = await makeKey(provider, type);
    using material = await provider.export(key);
    const again = await importKey(provider, type, material.bytes, { key: 'kms-copy' });
    using exported = await provider.export(again);
    expect(Buffer.from(exported.bytes)).toEqual(Buffer.from(material.bytes));
    expect(again.publicKey?.export({ format: 'der', type: 'spki' })).toEqual(
      key.publicKey?.export({ format: 'der', type: 'spki' }),
    );
  });

  it.each(['hmac', 'hmac-sha256', 'hmac-sha512'] as const)('of type %s cannot be imported', async (type) => {
    expect(await codeOf(() => importKey(provider, type, new Uint8Array(32)))).toBe('wrong-operation');
  });

  it.each([
    ['a short symmetric key', 'aes256-gcm96', () => randomBytes(16)],
    ['a long symmetric key', 'aes128-gcm96', () => randomBytes(32)],
    ['a private key in place of raw octets', 'aes256-gcm96', () => der('ed25519')],
    ['raw octets in place of PKCS#8', 'ed25519', () => randomBytes(32)],
    ['another curve', 'ecdsa-p256', () => der('ec', 'P-384')],
    ['a curve that is not offered', 'ecdsa-p256', () => der('ec', 'secp256k1')],
    ['Ed448 for Ed25519', 'ed25519', () => der('ed448')],
    ['X25519 for Ed25519', 'ed25519', () => der('x25519')],
    ['another RSA size', 'rsa-3072', () => der('rsa', 2048)],
    ['an odd RSA size', 'rsa-2048', () => der('rsa', 2056)],
    ['an RSA exponent of 3', 'rsa-2048', () => der('rsa', 2048, 3)],
    ['RSA restricted to PSS', 'rsa-2048', () => der('rsa-pss', 2048)],
    ['elliptic for RSA', 'rsa-2048', () => der('ec', 'P-256')],
    ['RSA for Ed25519', 'ed25519', () => der('rsa', 2048)],
    ['octets after the structure', 'ecdsa-p256', () => Buffer.concat([der('ec', 'P-256'), Buffer.of(0)])],
    ['a public key of another', 'ecdsa-p256', () => mismatched()],
    ['a scalar of 0', 'ecdsa-p256', () => withScalar('00'.repeat(32))],
    ['a scalar that is the order', 'ecdsa-p256', () => withScalar(order)],
    ['a scalar of 0 without a public key', 'ecdsa-p256', () => scalarAlone('00'.repeat(32))],
    ['a scalar that is the order, without a public key', 'ecdsa-p256', () => scalarAlone(order)],
    ['a scalar above the order, without a public key', 'ecdsa-p256', () => scalarAlone('ff'.repeat(32))],
  ] as const)('is refused on import: %s', async (_, type, material) => {
    expect(await codeOf(() => importTarget(type, material()))).toBe('import-invalid');
  });

  it('comes in under the RSA-4096 key of its region, and under no other region', async () => {
    const { wrapped, publicKey } = await provider.generateWrappingKey('nl-02');
    const key = publicKeyOf(publicKey);
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(4096);
    const blob = wrapTarget(key, randomBytes(32), 'sha2-256');
    const ref = refOf('aes256-gcm96', { region: 'nl-02' });
    expect(await provider.import(ref, blob, { region: 'nl-02', wrapped })).toHaveProperty('wrapped');
    expect(await codeOf(() => provider.import(ref, blob, { region: 'nl-01', wrapped }))).toBe('material-damaged');
  });

  it('does not open under another name', async () => {
    const key = await makeKey(provider, 'ed25519');
    const swapped = { ref: refOf('ed25519', { key: 'kms-other' }), wrapped: key.wrapped };
    expect(await codeOf(() => provider.sign(swapped, [utf8('x')]))).toBe('material-damaged');
    only(await provider.sign(key, [utf8('x')]));
    expect(await codeOf(() => provider.sign(swapped, [utf8('x')]))).toBe('material-damaged');
  });

  it('does not answer from the cache for a blob that was changed', async () => {
    const key = await makeKey(provider, 'ed25519');
    only(await provider.sign(key, [utf8('x')]));
    const wrapped = Uint8Array.from(key.wrapped);
    wrapped[wrapped.length - 1] = (wrapped.at(-1) ?? 0) ^ 1;
    expect(await codeOf(() => provider.sign({ ...key, wrapped }, [utf8('x')]))).toBe('material-damaged');
  });

  it('opens under the key-encryption key that it was sealed under, and new material is sealed under the newest', async () => {
    const key = await makeKey(provider, 'ecdsa-p256');
    const newKek = testKek('1111111111111111', 3);
    const both = testProvider({ keks: [newKek, testKek()] });
    const signature = only(await both.sign(key, [utf8('x')]));
    expect(only(await provider.verify(key, [{ input: utf8('x'), signature }]))).toBe(true);
    expect(kekIdOf((await makeKey(both, 'ed25519')).wrapped)).toBe(newKek.id);
    const alone = testProvider({ keks: [newKek] });
    expect(await codeOf(() => alone.sign(key, [utf8('x')]))).toBe('material-damaged');
  });
});

describe('seals of rows', () => {
  it('hold for their purpose and octets only, and across a change of key-encryption keys', () => {
    const seal = provider.seal('key row', utf8('a'));
    expect(provider.isSealed('key row', utf8('a'), seal)).toBe(true);
    expect(provider.isSealed('key row', utf8('b'), seal)).toBe(false);
    expect(provider.isSealed('token row', utf8('a'), seal)).toBe(false);
    expect(provider.isSealed('key row', utf8('a'), seal.subarray(0, 39))).toBe(false);
    expect(provider.isSealed('key row', utf8('a'), new Uint8Array(0))).toBe(false);
    const next = testProvider({ keks: [testKek('1111111111111111', 3), testKek()] });
    expect(next.isSealed('key row', utf8('a'), seal)).toBe(true);
    expect(next.seal('key row', utf8('a'))).not.toEqual(seal);
    expect(testProvider({ keks: [testKek('1111111111111111', 3)] }).isSealed('key row', utf8('a'), seal)).toBe(false);
  });
});

describe('public keys', () => {
  it('are PEM by default, and the raw 32 octets in base64 for Ed25519', async () => {
    const { publicKey } = await provider.generate(refOf('ecdsa-p256'));
    expect(formatPublicKey('ecdsa-p256', publicKey)).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    const raw = Buffer.from(formatPublicKey('ecdsa-p256', publicKey, 'raw'), 'base64');
    expect([raw.length, raw[0]]).toEqual([65, 4]);
    const { publicKey: edwards } = await provider.generate(refOf('ed25519'));
    const jwk = JSON.parse(formatPublicKey('ed25519', edwards, 'jwk')) as { x: string };
    expect(Buffer.from(formatPublicKey('ed25519', edwards), 'base64')).toEqual(Buffer.from(jwk.x, 'base64url'));
    expect(Buffer.from(formatPublicKey('ed25519', edwards, 'der'), 'base64')).toEqual(Buffer.from(edwards ?? []));
  });

  it('do not exist for secrets, and have no raw form for RSA', async () => {
    expect(await codeOf(() => formatPublicKey('hmac', undefined))).toBe('wrong-operation');
    const { publicKey } = await provider.generate(refOf('rsa-2048'));
    expect(await codeOf(() => formatPublicKey('rsa-2048', publicKey, 'raw'))).toBe('payload-invalid');
  });
});

const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';

/** Wrap exactly these octets, whatever they are, and import them. */
async function importTarget(type: KeyType, target: Uint8Array): Promise<unknown> {
  const { wrapped, publicKey } = wrappingKeyOf();
  const blob = wrapTarget(publicKeyOf(publicKey), target, 'sha2-256');
  return provider.import(refOf(type), blob, { region: 'nl-01', wrapped });
}

function der(kind: string, parameter?: string | number, publicExponent = 65_537): Buffer {
  const make = generateKeyPairSync as (kind: string, options: object) => ReturnType<typeof generateKeyPairSync>;
  const options =
    typeof parameter === 'string' ? { namedCurve: parameter } : { modulusLength: parameter, publicExponent };
  return make(kind, options).privateKey.export(pkcs8);
}

function mismatched(): Buffer {
  const [mine, other] = [der('ec', 'P-256'), der('ec', 'P-256')];
  other.copy(mine, mine.length - 65, other.length - 65);
  return mine;
}

/** PKCS#8 that leaves the public key to be worked out. */
function scalarAlone(hex: string): Uint8Array {
  const line = `PrivateKey: ${Buffer.from(hex, 'hex').toString('base64')}`;
  return parseMaterial(utf8(`Private-key-format: v1.3\nAlgorithm: 13\n${line}\n`));
}

function withScalar(hex: string): Buffer {
  const material = der('ec', 'P-256');
  const jwk = createPrivateKey({ key: material, ...pkcs8 }).export({ format: 'jwk' });
  const at = material.indexOf(Buffer.from(jwk.d ?? '', 'base64url'));
  Buffer.from(hex, 'hex').copy(material, at);
  return material;
}
