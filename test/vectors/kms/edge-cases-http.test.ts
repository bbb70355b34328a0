import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  hash as digestOf,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  sign,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wrapForImport } from '#kms/core/wrapping.ts';
import { concat, derInteger, derSequence, integerOctets, readSignature } from '#test/support/der-signature.ts';
import { type KmsApi, openKmsApi } from '#test/support/kms-api.ts';

/**
 * The classes of cases that the Wycheproof project tests, made anew with keys that the test knows and asked through the
 * HTTP API, since there is no package of those vectors.
 */
let api: KmsApi;
let wrappingKey: string;
beforeAll(async () => {
  api = await openKmsApi({ workers: 2 });
  wrappingKey = (await api.call('GET', '/v1/kms/nl-01/wrapping-key')).body.publicKey;
});
afterAll(() => api[Symbol.asyncDispose]());

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const tag = (bytes: Uint8Array) => `thalassa:v1:${base64(bytes)}`;
const message = Buffer.from('a message');
const input = base64(message);
let imported = 0;

/** Bring a key of the test's own into the KMS. @returns its path */
async function importKey(keyType: string, material: Uint8Array): Promise<string> {
  const importKeyMaterial = base64(wrapForImport(wrappingKey, material));
  const name = `imported ${++imported}`;
  const { status, body } = await api.call('POST', '/v1/kms/nl-01/keys', { name, keyType, importKeyMaterial });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return `/v1/kms/nl-01/keys/${body.identity}`;
}

const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'der' });

/** Ask whether a signature is valid; a form that cannot be one is the same as an invalid one. */
async function verdict(path: string, signature: Uint8Array, more: object = {}): Promise<unknown> {
  const { status, body } = await api.call('POST', `${path}/verify`, { input, signature: tag(signature), ...more });
  return status === 200 ? body.valid : `${status} ${body.code}`;
}

const curves = [
  {
    keyType: 'ecdsa-p256',
    namedCurve: 'P-256',
    hash: 'sha256',
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  {
    keyType: 'ecdsa-p384',
    namedCurve: 'P-384',
    hash: 'sha384',
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  {
    keyType: 'ecdsa-p521',
    namedCurve: 'P-521',
    hash: 'sha512',
    order:
      0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
] as const;

describe.each(curves)('ECDSA with $namedCurve', ({ keyType, namedCurve, hash, order }) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve });
  let path: string;
  let good: Uint8Array;
  let r: bigint;
  let s: bigint;
  beforeAll(async () => {
    path = await importKey(keyType, pkcs8(privateKey));
    good = sign(hash, message, privateKey);
    ({ r, s } = readSignature(good));
  });
  const der = (left: Uint8Array, right: Uint8Array) => derSequence(derInteger(left), derInteger(right));
  const numbers = (left: bigint, right: bigint) => der(integerOctets(left), integerOctets(right));
  const zero = Uint8Array.of(0);

  test('a good signature, and its mirror, are valid', async () => {
    expect(await verdict(path, good)).toBe(true);
    expect(await verdict(path, numbers(r, order - s))).toBe(true);
  });

  test('numbers that no signature has are not valid', async () => {
    const bad: readonly (readonly [bigint, bigint])[] = [
      [0n, s],
      [r, 0n],
      [0n, 0n],
      [1n, 1n],
      [order, s],
      [r, order],
      [r + order, s],
      [r, s + order],
      [s, r],
      [r, s + 1n],
      [order - r, s],
      [order - 1n, order - 1n],
    ];
    for (const [left, right] of bad)
      expect([left, right, await verdict(path, numbers(left, right))]).toEqual([left, right, false]);
  });

  test('DER that is not the one form of its numbers is not valid', async () => {
    const [left, right] = [integerOctets(r), integerOctets(s)];
    const negative = left[0] === 0 ? left.subarray(1) : concat(Uint8Array.of(0xff), left);
    const bad: Readonly<Record<string, Uint8Array>> = {
      'a leading zero too many': der(concat(zero, left), right),
      'a negative number': der(negative, right),
      'something after it': concat(good, zero),
      'something inside after it': derSequence(derInteger(left), derInteger(right), derInteger(zero)),
      'an octet too few': good.subarray(0, -1),
      'one number': derSequence(derInteger(left)),
      nothing: derSequence(),
      'a wrong tag of the sequence': concat(Uint8Array.of(0x31), good.subarray(1)),
      'a wrong tag of a number': concat(
        good.subarray(0, good.indexOf(2)),
        Uint8Array.of(3),
        good.subarray(good.indexOf(2) + 1),
      ),
      'an empty number': derSequence(derInteger(new Uint8Array()), derInteger(right)),
      'an indefinite length': concat(
        Uint8Array.of(0x30, 0x80),
        derInteger(left),
        derInteger(right),
        Uint8Array.of(0, 0),
      ),
      'a length in too many octets': concat(Uint8Array.of(0x30, 0x82, 0, good.length - 2), good.subarray(2)),
      'r and s as they are in p1363': concat(left, right),
      'random octets': randomBytes(70),
    };
    for (const [what, signature] of Object.entries(bad))
      expect([what, await verdict(path, signature)]).toEqual([what, false]);
  });

  test('another message, hash or key is not valid', async () => {
    expect(await verdict(path, good, { input: base64(Buffer.from('another')) })).toBe(false);
    expect(await verdict(path, good, { hashAlgorithm: 'sha3-256' })).toBe(false);
    const other = generateKeyPairSync('ec', { namedCurve }).privateKey;
    expect(await verdict(path, sign(hash, message, other))).toBe(false);
  });

  test('p1363 has one length, and numbers in their order', async () => {
    const fixed = sign(hash, message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    const more = { marshalingAlgorithm: 'p1363' };
    expect(await verdict(path, fixed, more)).toBe(true);
    const half = fixed.length / 2;
    const swapped = concat(fixed.subarray(half), fixed.subarray(0, half));
    for (const bad of [
      fixed.subarray(1),
      concat(zero, fixed),
      concat(fixed, zero),
      swapped,
      new Uint8Array(fixed.length),
      good,
    ])
      expect(await verdict(path, bad, more)).toBe(false);
  });
});

describe('Ed25519', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  let path: string;
  let good: Uint8Array;
  beforeAll(async () => {
    path = await importKey('ed25519', pkcs8(privateKey));
    good = sign(null, message, privateKey);
  });

  test('only the one signature is valid', async () => {
    expect(await verdict(path, good)).toBe(true);
    const sValue = [...good.subarray(32)].reduceRight((value, octet) => (value << 8n) | BigInt(octet), 0n);
    const littleEndian = (value: bigint) =>
      Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
    const withS = (value: bigint) => concat(good.subarray(0, 32), littleEndian(value));
    const bad: Readonly<Record<string, Uint8Array>> = {
      's + order': withS(sValue + order),
      's = order': withS(order),
      's = 0': withS(0n),
      'a set top bit in s': withS(sValue | (1n << 255n)),
      'R of all ones': concat(new Uint8Array(32).fill(255), good.subarray(32)),
      'R = identity': concat(Uint8Array.of(1), new Uint8Array(31), good.subarray(32)),
      truncated: good.subarray(0, 63),
      extended: concat(good, Uint8Array.of(0)),
      'R alone': good.subarray(0, 32),
      zeros: new Uint8Array(64),
      'halves swapped': concat(good.subarray(32), good.subarray(0, 32)),
    };
    for (const [what, signature] of Object.entries(bad))
      expect([what, await verdict(path, signature)]).toEqual([what, false]);
    expect(await verdict(path, good, { input: base64(Buffer.from('another')) })).toBe(false);
  });
});

describe.each([2048, 3072, 4096])('RSA with %i bits', (modulusLength) => {
  const size = modulusLength / 8;
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
  let path: string;
  beforeAll(async () => {
    path = await importKey(`rsa-${modulusLength}`, pkcs8(privateKey));
  });
  const pss = (saltLength: number, hash = 'sha256') =>
    sign(hash, message, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

  test('PSS takes a salt as long as the digest, and no other', async () => {
    expect(await verdict(path, pss(32))).toBe(true);
    for (const salt of [0, 20, 31, 33, 64]) expect([salt, await verdict(path, pss(salt))]).toEqual([salt, false]);
    expect(await verdict(path, pss(32, 'sha512'))).toBe(false);
    expect(await verdict(path, pss(64, 'sha512'), { hashAlgorithm: 'sha2-512' })).toBe(true);
    const flipped = Uint8Array.from(pss(32), (octet, index) => (index === 100 ? octet ^ 1 : octet));
    for (const bad of [
      flipped,
      pss(32).subarray(1),
      concat(Uint8Array.of(0), pss(32)),
      new Uint8Array(size),
      new Uint8Array(size).fill(255),
    ])
      expect(await verdict(path, bad)).toBe(false);
  });

  /** Raise an encoded message to the private exponent, whatever it is. */
  const raw = (encoded: Uint8Array) => {
    const { n = '', d = '' } = privateKey.export({ format: 'jwk' });
    const number = (text: string) => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
    const [modulus, exponent] = [number(n), number(d)];
    let result = 1n;
    let base = BigInt(`0x${Buffer.from(encoded).toString('hex')}`) % modulus;
    for (let bits = exponent; bits > 0n; bits >>= 1n) {
      if (bits & 1n) result = (result * base) % modulus;
      base = (base * base) % modulus;
    }
    return Uint8Array.from(Buffer.from(result.toString(16).padStart(2 * size, '0'), 'hex'));
  };
  const digest = () => digestOf('sha256', message, 'buffer');
  const info = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const withoutNull = Buffer.from('302f300b0609608648016503040201' + '0420', 'hex');
  const padded = (content: Uint8Array) =>
    concat(Uint8Array.of(0, 1), new Uint8Array(size - 3 - content.length).fill(255), Uint8Array.of(0), content);

  test('PKCS#1 v1.5 takes the one encoding of the digest, and no other', async () => {
    const more = { signatureAlgorithm: 'pkcs1v15' };
    const right = concat(info, digest());
    expect(await verdict(path, raw(padded(right)), more)).toBe(true);
    expect(raw(padded(right))).toEqual(Uint8Array.from(sign('sha256', message, privateKey)));
    const shortPadding = concat(
      Uint8Array.of(0, 1),
      new Uint8Array(8).fill(255),
      Uint8Array.of(0),
      right,
      new Uint8Array(size - 11 - right.length),
    );
    const bad: Readonly<Record<string, Uint8Array>> = {
      'garbage behind the digest': shortPadding,
      'no NULL in the algorithm': padded(concat(withoutNull, digest())),
      'block type 2': concat(Uint8Array.of(0, 2), padded(right).subarray(2)),
      'a first octet of 1': concat(Uint8Array.of(1), padded(right).subarray(1)),
      'a zero in the padding': padded(right).map((octet, index) => (index === 50 ? 0 : octet)),
      'no separator': padded(right).map((octet, index) => (index === size - right.length - 1 ? 255 : octet)),
      'no DigestInfo': padded(digest()),
      'the digest of SHA-1': padded(
        concat(Buffer.from('3021300906052b0e03021a05000414', 'hex'), digest().subarray(0, 20)),
      ),
    };
    for (const [what, encoded] of Object.entries(bad))
      expect([what, await verdict(path, raw(encoded), more)]).toEqual([what, false]);
    expect(await verdict(path, raw(padded(right)).subarray(1), more)).toBe(false);
    expect(await verdict(path, raw(padded(right)))).toBe(false);
  });

  test('OAEP opens what was sealed with SHA-256 and no label, and nothing else', async () => {
    const decrypt = async (ciphertext: Uint8Array) => {
      const { status, body } = await api.call('POST', `${path}/decrypt`, { ciphertext: tag(ciphertext) });
      return status === 200 ? body.plaintext : `${status} ${body.code} ${body.message}`;
    };
    const seal = (more: object) =>
      publicEncrypt(
        { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', ...more },
        message,
      );
    const good = seal({});
    expect(await decrypt(good)).toBe(input);
    const bad = [
      seal({ oaepHash: 'sha1' }),
      seal({ oaepHash: 'sha512' }),
      seal({ oaepLabel: Buffer.from('label') }),
      publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, message),
      good.map((octet, index) => (index === 200 ? octet ^ 1 : octet)),
      new Uint8Array(size).fill(255),
    ];
    const answers = new Set(await Promise.all(bad.map(decrypt)));
    expect([...answers]).toEqual([expect.stringMatching(/^400 decryption-failed/)]); // one answer for all: no oracle
    for (const wrongLength of [good.subarray(1), concat(Uint8Array.of(0), good)])
      expect(await decrypt(wrongLength)).toMatch(/^400/);
  });
});

describe.each([
  ['aes128-gcm96', 'aes-128-gcm', 16],
  ['aes256-gcm96', 'aes-256-gcm', 32],
  ['chacha20-poly1305', 'chacha20-poly1305', 32],
] as const)('%s', (keyType, cipherName, keyBytes) => {
  const key = randomBytes(keyBytes);
  let path: string;
  beforeAll(async () => {
    path = await importKey(keyType, key);
  });
  const seal = (nonce: Uint8Array, plaintext: Uint8Array, associatedData?: Uint8Array) => {
    const cipher = createCipheriv(cipherName as 'aes-256-gcm', key, nonce, { authTagLength: 16 });
    if (associatedData !== undefined) cipher.setAAD(associatedData, { plaintextLength: plaintext.length });
    return concat(nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  };
  const decrypt = async (ciphertext: Uint8Array, more: object = {}) => {
    const { status, body } = await api.call('POST', `${path}/decrypt`, { ciphertext: tag(ciphertext), ...more });
    return status === 200 ? body.plaintext : `${status} ${body.code}`;
  };

  test('opens what another made with the key', async () => {
    expect(await decrypt(seal(randomBytes(12), message))).toBe(input);
    const data = Buffer.from('bound');
    expect(await decrypt(seal(randomBytes(12), message, data), { associatedData: base64(data) })).toBe(input);
  });

  test('every flipped bit of nonce, ciphertext and tag is found', async () => {
    const good = seal(randomBytes(12), message);
    for (let index = 0; index < good.length; index++) {
      const bad = good.map((octet, at) => (at === index ? octet ^ (1 << (index % 8)) : octet));
      expect([index, await decrypt(bad)]).toEqual([index, '400 decryption-failed']);
    }
  });

  test('a short tag, a missing one, another nonce length or other associated data open nothing', async () => {
    const nonce = randomBytes(12);
    const good = seal(nonce, message, Buffer.from('bound'));
    const associatedData = base64(Buffer.from('bound'));
    for (const length of [1, 2, 4, 8, 12, 15, 16])
      expect(await decrypt(good.subarray(0, -length), { associatedData })).toMatch(/^400/);
    expect(await decrypt(concat(good, Uint8Array.of(0)), { associatedData })).toMatch(/^400/);
    for (const other of [undefined, '', base64(Buffer.from('Bound')), base64(Buffer.from('bound '))])
      expect(await decrypt(good, other === undefined ? {} : { associatedData: other })).toBe('400 decryption-failed');
    for (const length of [0, 1, 11, 12, 27]) expect(await decrypt(new Uint8Array(length).fill(1))).toMatch(/^400/);
  });

  test('what is encrypted twice differs, and has 28 octets more', async () => {
    const encrypt = async () =>
      (await api.call('POST', `${path}/encrypt`, { plaintext: input })).body.ciphertext as string;
    const [first, second] = [await encrypt(), await encrypt()];
    expect(first).not.toBe(second);
    expect(Buffer.from(first.split(':')[2] ?? '', 'base64').length).toBe(message.length + 28);
  });
});

describe('HMAC', () => {
  test.each(['hmac', 'hmac-sha256', 'hmac-sha512'])('%s takes the whole value alone', async (keyType) => {
    const { body: key } = await api.call('POST', '/v1/kms/nl-01/keys', { name: `mac ${keyType}`, keyType });
    const path = `/v1/kms/nl-01/keys/${key.identity}`;
    const { body } = await api.call('POST', `${path}/hmac`, { input });
    const good = Uint8Array.from(Buffer.from(body.hmac.split(':')[2], 'base64'));
    const check = async (mac: Uint8Array) => {
      const answer = await api.call('POST', `${path}/verify-hmac`, { input, hmac: tag(mac) });
      return answer.status === 200 ? answer.body.valid : answer.body.code;
    };
    expect(await check(good)).toBe(true);
    for (let length = 1; length < good.length; length++)
      expect([length, await check(good.subarray(0, length))]).toEqual([length, false]);
    expect(await check(concat(good, Uint8Array.of(0)))).toBe(false);
    for (let index = 0; index < good.length; index++)
      expect(await check(good.map((octet, at) => (at === index ? octet ^ 128 : octet)))).toBe(false);
  });
});

describe('an import', () => {
  const attempt = async (blob: Uint8Array, more: object = {}) => {
    const wanted = { name: `attempt ${++imported}`, keyType: 'aes256-gcm96', importKeyMaterial: base64(blob), ...more };
    const { status, body } = await api.call('POST', '/v1/kms/nl-01/keys', wanted);
    return status === 201 ? 201 : `${status} ${body.code} ${body.message}`;
  };
  const target = new Uint8Array(32).fill(7);
  const sealKey = (ephemeral: Uint8Array, oaepHash = 'sha256') =>
    publicEncrypt(
      { key: createPublicKey(wrappingKey), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash },
      ephemeral,
    );
  const ephemeral = randomBytes(32);
  const wrapWith = (iv: Uint8Array, content: Uint8Array, name = 'id-aes256-wrap-pad', key: Uint8Array = ephemeral) => {
    const cipher = createCipheriv(name, key, iv);
    return concat(cipher.update(content), cipher.final());
  };
  const kwpIv = Uint8Array.of(0xa6, 0x59, 0x59, 0xa6);

  test('takes what is wrapped as it must be, with the hash that is named', async () => {
    expect(await attempt(concat(sealKey(ephemeral), wrapWith(kwpIv, target)))).toBe(201);
    expect(
      await attempt(concat(sealKey(ephemeral, 'sha384'), wrapWith(kwpIv, target)), { hashFunction: 'SHA-384' }),
    ).toBe(201);
  });

  test('gives one answer to all that does not open', async () => {
    const inner = wrapWith(kwpIv, target);
    const bad = [
      concat(sealKey(ephemeral, 'sha1'), inner),
      concat(sealKey(ephemeral, 'sha384'), inner),
      concat(sealKey(randomBytes(32)), inner),
      concat(sealKey(randomBytes(16)), inner),
      concat(sealKey(ephemeral), wrapWith(Uint8Array.of(0xa6, 0x59, 0x59, 0xa7), target)),
      concat(sealKey(ephemeral), wrapWith(new Uint8Array(8).fill(0xa6), target, 'id-aes256-wrap')),
      ...[0, 5, 20, inner.length - 1].map((at) =>
        concat(
          sealKey(ephemeral),
          inner.map((octet, index) => (index === at ? octet ^ 1 : octet)),
        ),
      ),
      concat(sealKey(ephemeral), inner.subarray(0, -8)),
      concat(sealKey(ephemeral), inner, new Uint8Array(8)),
      concat(
        sealKey(ephemeral).map((octet, index) => (index === 9 ? octet ^ 1 : octet)),
        inner,
      ),
      sealKey(ephemeral),
      new Uint8Array(600),
      new Uint8Array(3),
    ];
    const answers = new Set(await Promise.all(bad.map((blob) => attempt(blob))));
    expect([...answers]).toEqual([expect.stringMatching(/^400 import-invalid/)]);
  });

  test('checks type, size and consistency of what it opens', async () => {
    const wrap = (content: Uint8Array) => concat(sealKey(ephemeral), wrapWith(kwpIv, content));
    for (const size of [1, 16, 24, 31, 33, 64])
      expect(await attempt(wrap(new Uint8Array(size).fill(1)))).toMatch(/^400 import-invalid/);
    const p384 = pkcs8(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey);
    const p256 = pkcs8(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    expect(await attempt(wrap(p384), { keyType: 'ecdsa-p256' })).toMatch(/^400 import-invalid/);
    expect(await attempt(wrap(p256), { keyType: 'ed25519' })).toMatch(/^400 import-invalid/);
    expect(await attempt(wrap(p256), { keyType: 'rsa-2048' })).toMatch(/^400 import-invalid/);
    const mixed = p256.map((octet, index) => (index === p256.length - 1 ? octet ^ 1 : octet)); // the public point is another
    expect(await attempt(wrap(mixed), { keyType: 'ecdsa-p256' })).toMatch(/^400 import-invalid/);
    expect(await attempt(wrap(concat(p256, Uint8Array.of(0))), { keyType: 'ecdsa-p256' })).toMatch(
      /^400 import-invalid/,
    );
    expect(await attempt(wrap(target), { keyType: 'hmac' })).toMatch(/^400 wrong-operation/);
  });
});

describe('the forms of what is sent', () => {
  test('tags and base64 have one form', async () => {
    const { body: key } = await api.call('POST', '/v1/kms/nl-01/keys', { name: 'forms', keyType: 'aes256-gcm96' });
    const path = `/v1/kms/nl-01/keys/${key.identity}`;
    const { ciphertext } = (await api.call('POST', `${path}/encrypt`, { plaintext: input })).body;
    const body = ciphertext.slice('thalassa:v1:'.length);
    const decrypt = async (text: string) => (await api.call('POST', `${path}/decrypt`, { ciphertext: text })).status;
    expect(await decrypt(ciphertext)).toBe(200);
    expect(await decrypt(`vault:v1:${body}`)).toBe(200);
    const bad = [
      body,
      `v1:${body}`,
      `thalassa:${body}`,
      `thalassa:1:${body}`,
      `thalassa:v0:${body}`,
      `thalassa:v01:${body}`,
      `thalassa:v1 :${body}`,
      `Thalassa:v1:${body}`,
      `thalassa:v1:`,
      `thalassa:v1:${body} `,
      `thalassa:v1:\n${body}`,
      `thalassa:v1:${body.replace(/=*$/, '')}=`,
      `thalassa:v99999999999:${body}`,
      `thalassa:v-1:${body}`,
      `thalassa:v1:${body}:`,
    ];
    for (const text of bad) expect([text, await decrypt(text)]).toEqual([text, 400]);
    const encrypt = async (plaintext: unknown) => (await api.call('POST', `${path}/encrypt`, { plaintext })).status;
    for (const text of [
      '',
      'A',
      'AA',
      'AAA',
      'AA==A',
      'AB==',
      '-_-_',
      ' AAAA',
      'AAAA\n',
      'AAAA====',
      7,
      null,
      ['AAAA'],
    ])
      expect([text, await encrypt(text)]).toEqual([text, 400]);
    expect(await encrypt(base64(new Uint8Array(65_535)))).toBe(200);
    expect(await encrypt(base64(new Uint8Array(65_536)))).toBe(400);
  });
});
