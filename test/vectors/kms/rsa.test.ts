import { constants, createHash, generateKeyPairSync, privateEncrypt, publicEncrypt, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importKey, onlyCode, only, testProvider, utf8, type TestKey } from '#test/support/kms-crypto.ts';

/** The classes of cases of Project Wycheproof for RSA signatures and OAEP, made with a key of our own. */
const provider = testProvider();
afterAll(() => provider.close());

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const modulus = BigInt(`0x${Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url').toString('hex')}`);
const message = utf8('Test');
const digest = createHash('sha256').update(message).digest();
const length = 256;
let key: TestKey;

beforeAll(async () => {
  key = await importKey(provider, 'rsa-2048', privateKey.export({ format: 'der', type: 'pkcs8' }));
});

type Scheme = 'pss' | 'pkcs1v15';

/** Verify hashed and prehashed. */
async function check(signatureAlgorithm: Scheme, signature: Uint8Array): Promise<readonly boolean[]> {
  const options = { signatureAlgorithm };
  return [
    only(await provider.verify(key, [{ input: message, signature }], options)),
    only(await provider.verify(key, [{ input: digest, signature }], { ...options, prehashed: true })),
  ];
}

async function acceptedOf(scheme: Scheme, cases: Readonly<Record<string, Uint8Array>>): Promise<readonly string[]> {
  const accepted: string[] = [];
  for (const [name, signature] of Object.entries(cases)) {
    if ((await check(scheme, signature)).includes(true)) accepted.push(name);
  }
  return accepted;
}

/** Sign an encoded message as it is. */
const raw = (encoded: Uint8Array): Buffer =>
  privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);

const oid = '0609608648016503040201';
const good = Buffer.from(`3031300d${oid}05000420${digest.toString('hex')}`, 'hex');
const info = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const hash = digest.toString('hex');

function padded(content: Uint8Array, { first = 0, type = 1, filler = 0xff, end = 0 } = {}): Buffer {
  const encoded = Buffer.alloc(length, filler);
  encoded[0] = first;
  encoded[1] = type;
  encoded[length - content.length - 1] = end;
  encoded.set(content, length - content.length);
  return encoded;
}

/** Padding of the shortest allowed length with junk behind the digest, which lets anyone forge for small exponents. */
function shortPadding(junk: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0, 1), Buffer.alloc(8, 0xff), Buffer.of(0), good, junk]);
}

describe('PKCS#1 v1.5 verification', () => {
  it('accepts the one right encoding', async () => {
    expect(await check('pkcs1v15', raw(padded(good)))).toEqual([true, true]);
    expect(sign('sha256', message, privateKey)).toEqual(raw(padded(good)));
  });

  it('rejects every other padding and DigestInfo', async () => {
    const changedInfo = {
      'no NULL parameter': info(`302f300b ${oid} 0420 ${hash}`),
      'another parameter': info(`3031300d ${oid} 0101 0420 ${hash}`),
      'a long-form length': info(`308131300d ${oid} 0500 0420 ${hash}`),
      'an indefinite length': info(`3080300d ${oid} 0500 0420 ${hash} 0000`),
      'octets after the digest inside': info(`3033300d ${oid} 0500 0420 ${hash} 0500`),
      'octets after DigestInfo': Buffer.concat([good, Buffer.of(0)]),
      'the digest without DigestInfo': digest,
      'another hash in its identifier': info(`3031300d ${oid.slice(0, -2)}02 0500 0420 ${hash}`),
      'a digest that is cut': info(`3030300d ${oid} 0500 041f ${hash.slice(0, -2)}`),
      nothing: Buffer.alloc(0),
    };
    const cases = Object.fromEntries(
      Object.entries(changedInfo).map(([name, content]) => [name, raw(padded(content))]),
    );
    const shapes = {
      'block type 0': raw(padded(good, { type: 0 })),
      'block type 2': raw(padded(good, { type: 2 })),
      'a first octet of 1': raw(padded(good, { first: 1 })),
      'filler of zeros': raw(padded(good, { filler: 0 })),
      'filler of 0xfe': raw(padded(good, { filler: 0xfe })),
      'no end of the filler': raw(padded(good, { end: 0xff })),
      'short padding and junk of zeros': raw(shortPadding(Buffer.alloc(length - 11 - good.length))),
      'short padding and junk of ones': raw(shortPadding(Buffer.alloc(length - 11 - good.length, 0xff))),
    };
    expect(await acceptedOf('pkcs1v15', { ...cases, ...shapes })).toEqual([]);
  });

  it.each(['pkcs1v15', 'pss'] as const)('rejects numbers that are no signature (%s)', async (scheme) => {
    const signature = only(await provider.sign(key, [message], { signatureAlgorithm: scheme }));
    const value = BigInt(`0x${Buffer.from(signature).toString('hex')}`);
    const octets = (number: bigint, size = length): Buffer =>
      Buffer.from(number.toString(16).padStart(2 * size, '0'), 'hex');
    expect(
      await acceptedOf(scheme, {
        'the modulus added': octets(value + modulus, length + (value + modulus >= 2n ** 2048n ? 1 : 0)),
        'the modulus less it': octets(modulus - value),
        '0': octets(0n),
        '1': octets(1n),
        'the modulus': octets(modulus),
        'the modulus less 1': octets(modulus - 1n),
        'all ones': Buffer.alloc(length, 0xff),
        'a zero in front': Buffer.concat([Buffer.of(0), signature]),
        'a zero behind': Buffer.concat([signature, Buffer.of(0)]),
        'the first octet cut': signature.subarray(1),
        'the last octet cut': signature.subarray(0, -1),
        nothing: Buffer.alloc(0),
      }),
    ).toEqual([]);
  });
});

interface Pss {
  readonly salt?: Buffer;
  readonly trailer?: number;
  readonly filler?: number;
  readonly separator?: number;
  readonly topBit?: boolean;
  readonly maskHash?: string;
  readonly changed?: 'hash' | 'salt';
}

/** Encode as EMSA-PSS does, with one thing different. */
function pss(options: Pss): Buffer {
  const { salt = Buffer.alloc(32, 7), trailer = 0xbc, filler = 0, separator = 1, maskHash = 'sha256' } = options;
  const salted = createHash('sha256').update(Buffer.alloc(8)).update(digest).update(salt).digest();
  const block = Buffer.alloc(length - 33, filler);
  if (options.changed === 'salt') salt[0] = (salt[0] ?? 0) ^ 1;
  block[block.length - salt.length - 1] = separator;
  block.set(salt, block.length - salt.length);
  const counter = Buffer.alloc(4);
  for (let offset = 0; offset < block.length; counter.writeUInt32BE(counter.readUInt32BE() + 1)) {
    for (const octet of createHash(maskHash).update(salted).update(counter).digest()) {
      if (offset < block.length) block[offset] = (block[offset] ?? 0) ^ octet;
      offset++;
    }
  }
  block[0] = ((block[0] ?? 0) & 0x7f) | (options.topBit === true ? 0x80 : 0);
  if (options.changed === 'hash') salted[0] = (salted[0] ?? 0) ^ 1;
  return Buffer.concat([block, salted, Buffer.of(trailer)]);
}

describe('PSS verification', () => {
  it('accepts a salt as long as the digest', async () => {
    expect(await check('pss', raw(pss({})))).toEqual([true, true]);
    expect(await check('pss', raw(pss({ salt: Buffer.alloc(32) })))).toEqual([true, true]);
  });

  it('rejects salts of another length', async () => {
    const lengths = [0, 1, 20, 31, 33, 64, length - 33 - 1];
    const cases = Object.fromEntries(
      lengths.map((size) => [`${size} octets`, raw(pss({ salt: Buffer.alloc(size, 7) }))]),
    );
    expect(await acceptedOf('pss', cases)).toEqual([]);
  });

  it('rejects every other encoding', async () => {
    const encodings: Record<string, Pss> = {
      'another trailer': { trailer: 0xcc },
      'a trailer of 0': { trailer: 0 },
      'padding that is not zero': { filler: 1 },
      'no separator': { separator: 0 },
      'a separator of 2': { separator: 2 },
      'another mask hash': { maskHash: 'sha1' },
      'another mask hash of the same size': { maskHash: 'sha3-256' },
      'another hash': { changed: 'hash' },
      'another salt': { changed: 'salt' },
    };
    const cases = Object.fromEntries(Object.entries(encodings).map(([name, options]) => [name, raw(pss(options))]));
    expect(await acceptedOf('pss', cases)).toEqual([]);
  });

  it('rejects an encoding whose top bit is set', async () => {
    // With that bit set the number can exceed the modulus; then no such signature exists and another salt is tried.
    let encoded = pss({ topBit: true });
    for (let fill = 0; BigInt(`0x${encoded.toString('hex')}`) >= modulus; fill++) {
      encoded = pss({ topBit: true, salt: Buffer.alloc(32, fill) });
    }
    expect(await check('pss', raw(encoded))).toEqual([false, false]);
  });
});

describe('OAEP decryption', () => {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;

  it('rejects another hash, a label, another padding, and numbers out of range, all alike', async () => {
    const rawEncrypt = (encoded: Buffer): Buffer =>
      publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, encoded);
    const cases = [
      publicEncrypt({ key: publicKey, padding, oaepHash: 'sha1' }, message),
      publicEncrypt({ key: publicKey, padding, oaepHash: 'sha384' }, message),
      publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256', oaepLabel: Buffer.alloc(1) }, message),
      publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, message),
      rawEncrypt(Buffer.alloc(length)),
      rawEncrypt(Buffer.concat([Buffer.of(0), Buffer.alloc(length - 1, 0xff)])),
      rawEncrypt(Buffer.concat([Buffer.of(1), Buffer.alloc(length - 1, 1)])),
      Buffer.alloc(length, 0xff),
      Buffer.alloc(length),
      Buffer.from(modulus.toString(16), 'hex'),
      Buffer.alloc(length - 1, 1),
      Buffer.alloc(length + 1, 1),
      Buffer.alloc(0),
    ];
    const outcomes = await provider.decrypt(
      key,
      cases.map((ciphertext) => ({ ciphertext })),
    );
    expect(outcomes.map((outcome) => onlyCode([outcome]))).toEqual(cases.map(() => 'decryption-failed'));
    expect(new Set(outcomes.map(String)).size).toBe(1);
  });
});
