import { createHash, createPrivateKey, randomBytes, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashRow } from '#kms/core/hash-algorithms.ts';
import { keyTypeRow, keyTypes, type KeyType } from '#kms/core/key-types.ts';
import { unwrapTarget, wrapForImport } from '#kms/core/wrapping.ts';
import type { SignatureOptions } from '#kms/ports/crypto-provider.ts';
import {
  given,
  importKey,
  makeKey,
  only,
  publicKeyOf,
  refOf,
  testProvider,
  utf8,
  type TestKey,
} from '#test/support/kms-crypto.ts';
import { run } from '#test/support/process.ts';
import { describeWith } from '#test/support/requirements.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';
import { getTool } from '#test/support/tools.ts';

const dir = makeTempDir();
const provider = testProvider();
const message = utf8('what both sides sign');
const signing = keyTypes.filter((type) => keyTypeRow(type).operations.includes('sign'));
const keys = new Map<KeyType, TestKey>();

afterAll(async () => {
  dir[Symbol.dispose]();
  await provider.close();
});

/** Run openssl in the folder of the test; it must succeed. */
async function openssl(...args: string[]): Promise<string> {
  const result = await run(getTool('openssl'), args, { cwd: dir.path });
  if (result.code !== 0) throw new Error(`openssl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

/** Run openssl where a signature may be wrong. */
async function opensslAccepts(...args: string[]): Promise<boolean> {
  return (await run(getTool('openssl'), args, { cwd: dir.path })).code === 0;
}

const write = (name: string, bytes: Uint8Array | string): string => {
  writeFileSync(join(dir.path, name), bytes, { mode: 0o600 });
  return name;
};
const read = (name: string): Buffer => readFileSync(join(dir.path, name));

/** Write both halves of a key as PEM and return their names. */
async function filesOf(type: KeyType): Promise<{ readonly secret: string; readonly open: string }> {
  const key = keys.get(type) ?? (await makeKey(provider, type));
  keys.set(type, key);
  using material = await provider.export(key);
  const secret = createPrivateKey({ key: Buffer.from(material.bytes), format: 'der', type: 'pkcs8' });
  return {
    secret: write(`${type}.key`, secret.export({ format: 'pem', type: 'pkcs8' })),
    open: write(`${type}.pub`, (key.publicKey as KeyObject).export({ format: 'pem', type: 'spki' })),
  };
}

/** How openssl is told what a type and its options mean, for `pkeyutl` on a digest or, for Ed25519, on the message. */
function optionsOf(type: KeyType, { signatureAlgorithm }: SignatureOptions): string[] {
  const row = keyTypeRow(type);
  if (row.family === 'ed25519') return ['-rawin'];
  const digest = ['-pkeyopt', `digest:${hashRow(row.defaultHash ?? 'sha2-256').digest}`];
  if (row.family !== 'rsa') return digest;
  if (signatureAlgorithm === 'pkcs1v15') return [...digest, '-pkeyopt', 'rsa_padding_mode:pkcs1'];
  return [...digest, '-pkeyopt', 'rsa_padding_mode:pss', '-pkeyopt', 'rsa_pss_saltlen:digest'];
}

function inputOf(type: KeyType): Uint8Array {
  const { defaultHash } = keyTypeRow(type);
  return defaultHash === undefined ? message : createHash(hashRow(defaultHash).digest).update(message).digest();
}

const schemes = signing.flatMap((type): [KeyType, SignatureOptions][] =>
  keyTypeRow(type).family === 'rsa'
    ? [
        [type, { signatureAlgorithm: 'pss' }],
        [type, { signatureAlgorithm: 'pkcs1v15' }],
      ]
    : [[type, {}]],
);
const names = (type: KeyType, suffix: string): string => `${type}.${suffix}`;

describeWith(['openssl'], 'KMS cryptography', () => {
  beforeAll(async () => {
    for (const type of signing) keys.set(type, await makeKey(provider, type));
  });

  it.each(schemes)('openssl verifies what %s signs %o, hashed and prehashed', async (type, options) => {
    const key = given(keys.get(type));
    const { open } = await filesOf(type);
    const input = write(names(type, 'input'), inputOf(type));
    const prehashed = keyTypeRow(type).prehash;
    const signatures = [
      only(await provider.sign(key, [message], options)),
      only(await provider.sign(key, [inputOf(type)], { ...options, prehashed })),
    ];
    for (const signature of signatures) {
      const file = write(names(type, 'sig'), signature);
      const args = ['pkeyutl', '-verify', '-pubin', '-inkey', open, '-in', input, '-sigfile', file];
      expect(await opensslAccepts(...args, ...optionsOf(type, options))).toBe(true);
      signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
      write(names(type, 'sig'), signature);
      expect(await opensslAccepts(...args, ...optionsOf(type, options))).toBe(false);
    }
  });

  it.each(schemes)('%s verifies what openssl signs %o', async (type, options) => {
    const key = given(keys.get(type));
    const { secret } = await filesOf(type);
    const input = write(names(type, 'input'), inputOf(type));
    const file = names(type, 'sig');
    await openssl('pkeyutl', '-sign', '-inkey', secret, '-in', input, '-out', file, ...optionsOf(type, options));
    const signature = read(file);
    expect(only(await provider.verify(key, [{ input: message, signature }], options))).toBe(true);
    const prehashed = { ...options, prehashed: keyTypeRow(type).prehash };
    expect(only(await provider.verify(key, [{ input: inputOf(type), signature }], prehashed))).toBe(true);
  });

  it('openssl verifies prehashed ECDSA over digests at the edges of the order', async () => {
    const row = keyTypeRow('ecdsa-p256');
    if (row.family !== 'ecdsa') throw new Error('the table has changed');
    const { open } = await filesOf('ecdsa-p256');
    const key = given(keys.get('ecdsa-p256'));
    for (const value of [1n, row.order - 1n, row.order + 1n, 2n ** 256n - 1n]) {
      const digest = Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
      const input = write('edge.input', digest);
      const file = write('edge.sig', only(await provider.sign(key, [digest], { prehashed: true })));
      const args = ['pkeyutl', '-verify', '-pubin', '-inkey', open, '-in', input, '-sigfile', file];
      expect(await opensslAccepts(...args)).toBe(true);
    }
  });

  it.each(['rsa-2048', 'rsa-3072', 'rsa-4096'] as const)('%s and openssl decrypt each other', async (type) => {
    const key = given(keys.get(type));
    const { secret, open } = await filesOf(type);
    const plaintext = randomBytes(keyTypeRow(type).maxPlaintext);
    const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'].flatMap((o) => ['-pkeyopt', o]);
    const input = write('oaep.plain', plaintext);
    await openssl('pkeyutl', '-encrypt', '-pubin', '-inkey', open, '-in', input, '-out', 'oaep.theirs', ...oaep);
    const theirs = only(await provider.decrypt(key, [{ ciphertext: read('oaep.theirs') }]));
    expect(Buffer.from(theirs)).toEqual(plaintext);
    write('oaep.ours', only(await provider.encrypt(key, [{ plaintext }])));
    await openssl('pkeyutl', '-decrypt', '-inkey', secret, '-in', 'oaep.ours', '-out', 'oaep.back', ...oaep);
    expect(read('oaep.back')).toEqual(plaintext);
  });

  it.each(['hmac', 'hmac-sha256', 'hmac-sha512'] as const)('openssl makes the HMAC of %s', async (type) => {
    const key = await makeKey(provider, type);
    using material = await provider.export(key);
    const hexKey = `hexkey:${Buffer.from(material.bytes).toString('hex')}`;
    const digest = type === 'hmac-sha512' ? '-sha512' : '-sha256';
    const input = write('hmac.input', message);
    await openssl('dgst', digest, '-mac', 'HMAC', '-macopt', hexKey, '-binary', '-out', 'hmac.out', input);
    expect(read('hmac.out')).toEqual(Buffer.from(only(await provider.hmac(key, [message]))));
  });

  it('a blob made with the commands of the README is imported', async () => {
    const readme = readFileSync(new URL('../../src/kms/README.md', import.meta.url), 'utf8');
    const [, commands = ''] = /## Import with plain openssl\n[^]*?```sh\n([^]*?)```/.exec(readme) ?? [];
    expect(commands).toContain('openssl pkeyutl -encrypt');
    const { wrapped, publicKey } = await provider.generateWrappingKey('nl-01');
    write('wrapping-key.pem', publicKeyOf(publicKey).export({ format: 'pem', type: 'spki' }));
    await openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'target.pem');
    const { stdout, stderr, code } = await run('bash', ['-e', '-c', commands], { cwd: dir.path });
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const blob = Buffer.from(stdout, 'base64');
    const ref = refOf('ecdsa-p256', { key: 'kms-imported' });
    const made = await provider.import(ref, blob, { region: 'nl-01', wrapped });
    using exported = await provider.export({ ref, wrapped: made.wrapped });
    write('exported.der', exported.bytes);
    const spki = ['pkey', '-inform', 'DER', '-pubout', '-outform', 'DER'];
    await openssl(...spki, '-in', 'exported.der', '-out', 'exported.pub');
    await openssl('pkey', '-pubout', '-outform', 'DER', '-in', 'target.pem', '-out', 'target.pub');
    expect(read('exported.pub')).toEqual(read('target.pub'));
    expect(Buffer.from(made.publicKey ?? [])).toEqual(read('target.pub'));
  });

  it('openssl unwraps a blob of ours', async () => {
    await openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096', '-out', 'unwrap.key');
    await openssl('pkey', '-in', 'unwrap.key', '-pubout', '-out', 'unwrap.pub');
    const target = randomBytes(32);
    const blob = wrapForImport(read('unwrap.pub').toString(), target, 'sha2-512');
    write('blob.head', blob.subarray(0, 512));
    write('blob.tail', blob.subarray(512));
    const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha512', 'rsa_mgf1_md:sha512'].flatMap((o) => ['-pkeyopt', o]);
    await openssl('pkeyutl', '-decrypt', '-inkey', 'unwrap.key', ...oaep, '-in', 'blob.head', '-out', 'blob.key');
    const hexKey = read('blob.key').toString('hex');
    await openssl(
      'enc',
      '-d',
      '-id-aes256-wrap-pad',
      '-K',
      hexKey,
      '-iv',
      'A65959A6',
      '-in',
      'blob.tail',
      '-out',
      'blob.target',
    );
    expect(read('blob.target')).toEqual(target);
    const secret = createPrivateKey(read('unwrap.key'));
    expect(Buffer.from(unwrapTarget(secret, blob, 'sha2-512'))).toEqual(target);
  });

  it.each([
    ['ecdsa-p384', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['ecdsa-p521', ['ecparam', '-name', 'secp521r1', '-genkey']],
    ['ed25519', ['genpkey', '-algorithm', 'ED25519']],
    ['rsa-2048', ['genrsa', '-traditional', '2048']],
    ['rsa-3072', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072']],
  ] as const)('a key of type %s that openssl made is wrapped as its file stands, and imported', async (type, args) => {
    const [command, ...rest] = args;
    await openssl(command, '-out', 'made.pem', ...rest);
    await openssl('pkey', '-in', 'made.pem', '-pubout', '-outform', 'DER', '-out', 'made.pub');
    const key = await importKey(provider, type, read('made.pem'), { key: 'kms-openssl' });
    expect((key.publicKey as KeyObject).export({ format: 'der', type: 'spki' })).toEqual(read('made.pub'));
  });
});
