import { inspect } from 'node:util';
import { createPrivateKey, createSecretKey, randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { openNodeProvider } from '#kms/adapters/provider-node.ts';
import { failureOf } from '#kms/adapters/provider-node-protocol.ts';
import { localRootKey } from '#kms/adapters/root-key-local.ts';
import { openRootKeyPassphrase } from '#kms/adapters/root-key-passphrase.ts';
import { sealMaterial } from '#kms/core/envelope.ts';
import { checkImport } from '#kms/core/key-material.ts';
import { keyTypeRow } from '#kms/core/key-types.ts';
import { parseMaterial } from '#kms/core/material-file.ts';
import { SecretBytes } from '#lib/secret-bytes.ts';
import { importKey, testKek, testProvider, utf8 } from '#test/support/kms-crypto.ts';

const planted = 'PLANTED-SECRET-0123456789abcdef!';
const secret = (): Uint8Array => utf8(planted);
const provider = testProvider();
afterAll(() => provider.close());

/** Every spelling in which the secret could be found in text. */
function spellings(): readonly string[] {
  const bytes = Buffer.from(planted);
  const decimals = [...bytes.subarray(0, 6)];
  const hexes = decimals.map((octet) => octet.toString(16));
  return [
    planted,
    bytes.toString('hex').slice(0, 24),
    bytes.toString('base64').slice(0, 24),
    decimals.join(','),
    decimals.join(', '),
    hexes.join(' '),
  ];
}

function show(value: unknown): string {
  const depth = { depth: 10, showHidden: true, maxArrayLength: null, maxStringLength: null } as const;
  const cause = value instanceof Error ? `${value.stack ?? ''}${inspect(value.cause, depth)}` : '';
  return inspect(value, depth) + String(value) + cause + (JSON.stringify(value) ?? '');
}

async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const findings = (value: unknown): readonly string[] => spellings().filter((text) => show(value).includes(text));

describe('a planted secret', () => {
  it('would be found by these tests', () => {
    expect(findings({ message: planted })).not.toEqual([]);
    expect(findings(secret())).not.toEqual([]);
    expect(findings(Buffer.from(planted))).not.toEqual([]);
    expect(findings(new Error('x', { cause: planted }))).not.toEqual([]);
  });

  it('is in no error of an import that fails', async () => {
    const errors = [
      await thrownBy(() => importKey(provider, 'aes128-gcm96', secret())),
      await thrownBy(() => importKey(provider, 'ed25519', secret())),
      await thrownBy(() => checkImport(keyTypeRow('ecdsa-p256'), Buffer.concat([Buffer.of(0x30, 32), secret()]))),
      await thrownBy(() => parseMaterial(utf8(`-----BEGIN PRIVATE KEY-----\n${planted}\n-----END PRIVATE KEY-----`))),
      await thrownBy(() => parseMaterial(utf8(`${planted} `))),
    ];
    expect(errors.flatMap(findings)).toEqual([]);
  });

  it('is in nothing that a provider, a root key or key material shows', async () => {
    const kek = { id: testKek().id, key: createSecretKey(secret()) };
    const shown = [
      openNodeProvider({ keks: [kek], workers: 0 }),
      kek,
      localRootKey(new SecretBytes(secret())),
      new SecretBytes(secret()),
      await provider.export(await importKey(provider, 'aes256-gcm96', secret())),
      sealMaterial(testKek(), secret(), utf8('context')),
    ];
    expect(shown.flatMap(findings)).toEqual([]);
  });

  it('is not in the error of a passphrase that is refused', async () => {
    const weak = { salt: new Uint8Array(1), cost: 2, blockSize: 8, parallelization: 1 };
    expect(findings(await thrownBy(() => openRootKeyPassphrase(planted, weak)))).toEqual([]);
  });

  it('is not in what a worker tells of an unexpected failure, even where Node quotes its argument', async () => {
    const quoting = await thrownBy(() => createPrivateKey({ key: planted, format: planted as 'pem' }));
    expect(findings(quoting)).not.toEqual([]);
    expect(findings(failureOf(quoting))).toEqual([]);
  });
});

describe('wiping', () => {
  it('overwrites what a root key was made of', () => {
    const octets = randomBytes(32);
    localRootKey(new SecretBytes(octets));
    expect(octets).toEqual(Buffer.alloc(32));
  });
});
