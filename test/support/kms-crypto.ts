import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { openNodeProvider, type NodeProviderOptions } from '#kms/adapters/provider-node.ts';
import { composeWrappingKeyContext, sealMaterial, type Kek } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { KeyType } from '#kms/core/key-types.ts';
import { wrapForImport } from '#kms/core/wrapping.ts';
import type {
  CryptoProvider,
  KeyVersionRef,
  NewMaterial,
  Outcome,
  StoredKeyVersion,
} from '#kms/ports/crypto-provider.ts';

/** Make a key-encryption key of known octets. */
export function testKek(id = 'a0a1a2a3a4a5a6a7', fill = 7): Kek {
  return { id, key: createSecretKey(new Uint8Array(32).fill(fill)) };
}

/** Open a provider that works on the calling thread, or as the options say. */
export function testProvider(options: Partial<NodeProviderOptions> = {}): CryptoProvider {
  return openNodeProvider({ keks: [testKek()], workers: 0, ...options });
}

export function refOf(keyType: KeyType, changes: Partial<KeyVersionRef> = {}): KeyVersionRef {
  return { organisation: 'o-test', region: 'nl-01', key: `kms-${keyType}`, version: 1, keyType, ...changes };
}

export interface TestKey extends StoredKeyVersion {
  readonly publicKey: KeyObject | undefined;
}

export async function makeKey(
  provider: CryptoProvider,
  keyType: KeyType,
  changes: Partial<KeyVersionRef> = {},
): Promise<TestKey> {
  const ref = refOf(keyType, changes);
  const { wrapped, publicKey } = await provider.generate(ref);
  return { ref, wrapped, publicKey: publicKey === undefined ? undefined : publicKeyOf(publicKey) };
}

/** Bring material in through the wrapping that callers use. */
export async function importKey(
  provider: CryptoProvider,
  keyType: KeyType,
  material: Uint8Array,
  changes: Partial<KeyVersionRef> = {},
): Promise<TestKey> {
  const { wrapped: wrappedKey, publicKey: open } = wrappingKeyOf();
  const pem = publicKeyOf(open).export({ format: 'pem', type: 'spki' }) as string;
  const ref = refOf(keyType, changes);
  const blob = wrapForImport(pem, material);
  const { wrapped, publicKey } = await provider.import(ref, blob, { region: ref.region, wrapped: wrappedKey });
  return { ref, wrapped, publicKey: publicKey === undefined ? undefined : publicKeyOf(publicKey) };
}

let wrappingKey: Required<NewMaterial> | undefined;

/** A wrapping key for nl-01 that is sealed under `testKek`. Its 2048 bits take a tenth of the time of the real 4096. */
export function wrappingKeyOf(): Required<NewMaterial> {
  if (wrappingKey !== undefined) return wrappingKey;
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const material = privateKey.export({ format: 'der', type: 'pkcs8' });
  wrappingKey = {
    wrapped: sealMaterial(testKek(), material, composeWrappingKeyContext('nl-01')),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
  };
  return wrappingKey;
}

export function publicKeyOf(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
}

/** Return the only outcome, which must be a result. */
export function only<Result>(outcomes: readonly Outcome<Result>[]): Result {
  const [outcome] = outcomes;
  if (outcomes.length !== 1 || outcome === undefined) throw new Error(`${outcomes.length} outcomes and not one`);
  if (outcome instanceof KmsError) throw outcome;
  return outcome;
}

/** Return the code of the only outcome, which must be an error. */
export function onlyCode(outcomes: readonly Outcome<unknown>[]): string {
  const [outcome] = outcomes;
  if (outcomes.length !== 1 || !(outcome instanceof KmsError)) throw new Error('the outcome is not one error');
  return outcome.code;
}

/** Return the code of the KmsError that a call throws. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (error instanceof KmsError) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Return what must be there. */
export function given<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('something that the test needs is missing');
  return value;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
