import { createSecretKey, randomBytes } from 'node:crypto';
import { composeContext, kekBytes, type Kek } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { StoredKek } from '#kms/ports/crypto-provider.ts';
import type { RootKey } from '#kms/ports/root-key.ts';
import { SecretBytes } from '#lib/secret-bytes.ts';

/** Make a key-encryption key. @param generation - one more than the highest that is stored, or 1. */
export async function makeKek(rootKey: RootKey, generation: number): Promise<StoredKek> {
  const id = randomBytes(8).toString('hex');
  using key = new SecretBytes(randomBytes(kekBytes));
  return { id, generation, rootKeyId: rootKey.id, wrapped: await rootKey.wrap(key, contextOf(id, generation)) };
}

/**
 * Open all stored key-encryption keys at the start, newest first. Under a root key that wrapped none of them the start
 * ends here, and nothing is made anew.
 *
 * @throws KmsError root-key-wrong
 */
export async function openKeks(rootKey: RootKey, stored: readonly StoredKek[]): Promise<readonly Kek[]> {
  const newestFirst = [...stored].toSorted((left, right) => right.generation - left.generation);
  const keks: Kek[] = [];
  for (const kek of newestFirst) {
    using key = await unwrapKek(rootKey, kek);
    keks.push({ id: kek.id, key: createSecretKey(key.bytes) });
  }
  return keks;
}

/**
 * Wrap a key-encryption key under a new root key. This is all that a rotation of the root key does: no key material and
 * no data change. The store replaces all rows in one transaction, so a crash leaves all under the one or the other.
 */
export async function rewrapKek(from: RootKey, to: RootKey, kek: StoredKek): Promise<StoredKek> {
  using key = await unwrapKek(from, kek);
  return { ...kek, rootKeyId: to.id, wrapped: await to.wrap(key, contextOf(kek.id, kek.generation)) };
}

async function unwrapKek(rootKey: RootKey, kek: StoredKek): Promise<SecretBytes> {
  if (kek.rootKeyId !== rootKey.id) {
    throw new KmsError(
      'root-key-wrong',
      `the stored keys are sealed under root key ${kek.rootKeyId}, but the root key given is ${rootKey.id}`,
    );
  }
  const key = await rootKey.unwrap(kek.wrapped, contextOf(kek.id, kek.generation));
  if (key.length === kekBytes) return key;
  key.wipe();
  throw new KmsError('root-key-wrong', `the key-encryption key ${kek.id} has a wrong length`);
}

function contextOf(id: string, generation: number): Uint8Array {
  return composeContext('key-encryption key', id, String(generation));
}
