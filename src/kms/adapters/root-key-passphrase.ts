import { Buffer } from 'node:buffer';
import { randomBytes, scrypt } from 'node:crypto';
import { localRootKey } from '#kms/adapters/root-key-local.ts';
import { kekBytes } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { RootKey } from '#kms/ports/root-key.ts';
import { SecretBytes } from '#lib/secret-bytes.ts';

/** How a passphrase becomes a key. Kept beside the data; no secret. Source: RFC 7914 §2. */
export interface PassphraseParameters {
  /** At least 16 octets, random. */
  readonly salt: Uint8Array;
  /** N, a power of two. */
  readonly cost: number;
  /** r. */
  readonly blockSize: number;
  /** p. */
  readonly parallelization: number;
}

/** Characters that a passphrase has at least. */
export const shortestPassphrase = 12;

/** 128 MiB and half a second; what is stored may be no weaker than half of it. */
const standard = { cost: 2 ** 17, blockSize: 8, parallelization: 1 } as const;
const weakestMemory = 64 * 2 ** 20;
const mostMemory = 2 ** 31;

/** Make parameters for a passphrase that is used for the first time. */
export function makePassphraseParameters(): PassphraseParameters {
  return { salt: randomBytes(16), ...standard };
}

/**
 * Open the root key that a passphrase gives with these parameters. Another passphrase gives another root key, which is
 * found out when it does not open what is stored.
 *
 * @throws KmsError root-key-invalid
 */
export async function openRootKeyPassphrase(passphrase: string, parameters: PassphraseParameters): Promise<RootKey> {
  if (passphrase.length < shortestPassphrase) {
    throw new KmsError('root-key-invalid', `the passphrase must have at least ${shortestPassphrase} characters`);
  }
  assertParameters(parameters);
  using text = new SecretBytes(Buffer.from(passphrase.normalize('NFKC'), 'utf8'));
  return localRootKey(new SecretBytes(await derive(text.bytes, parameters)));
}

function assertParameters({ salt, cost, blockSize, parallelization }: PassphraseParameters): void {
  const memory = 128 * cost * blockSize;
  const sound =
    [cost, blockSize, parallelization].every((value) => Number.isSafeInteger(value) && value > 0) &&
    Number.isInteger(Math.log2(cost)) &&
    memory >= weakestMemory &&
    memory <= mostMemory &&
    parallelization <= 16 &&
    salt.length >= 16;
  if (!sound) throw new KmsError('root-key-invalid', 'the stored scrypt parameters are damaged or too weak');
}

function derive(passphrase: Uint8Array, { salt, ...parameters }: PassphraseParameters): Promise<Buffer> {
  const options = { ...parameters, maxmem: 128 * parameters.blockSize * (parameters.cost + 16) + 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, kekBytes, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
