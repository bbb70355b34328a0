import { KmsError } from '#kms/core/errors.ts';
import { type Key, latestVersion } from '#kms/core/key.ts';
import { keyTypeRow } from '#kms/core/key-types.ts';
import { assertRotatable } from '#kms/core/life-cycle.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import { rotateBySystem } from '#kms/operations/change-by-system.ts';
import {
  type KeyAddress,
  perVersion,
  storedVersion,
  useEachVersion,
  useKey,
  type Versioned,
  type VersionOutcomes,
} from '#kms/operations/use-key.ts';
import type { Ciphertext, Outcome, Plaintext } from '#kms/ports/crypto-provider.ts';
import type { SecretBytes } from '#lib/secret-bytes.ts';

/**
 * Encrypt plaintexts with one version of a key, the latest unless another is named.
 *
 * @throws KmsError invocations-exhausted, payload-invalid and what `useKey` throws
 */
export async function encrypt(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  request: { readonly items: readonly Plaintext[]; readonly version?: number | undefined },
): Promise<VersionOutcomes> {
  const { items, version } = request;
  const use = {
    action: 'Encrypt',
    operation: 'encrypt',
    version,
    count: items.length,
    cost: ({ cost }) => cost.public,
  } as const satisfies Parameters<typeof useKey>[3];
  return useKey(ports, caller, address, use, async (key, chosen) => {
    await countEncryptions(ports, key, chosen, items.length);
    return { version: chosen, outcomes: await ports.provider.encrypt(storedVersion(key, chosen), items) };
  });
}

export type VersionedCiphertext = Ciphertext & Versioned;

/** Decrypt ciphertexts, each with the version that it names. @throws KmsError what `useKey` throws */
export async function decrypt(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  items: readonly VersionedCiphertext[],
): Promise<readonly Outcome<Uint8Array>[]> {
  return useEachVersion(
    ports,
    caller,
    address,
    { action: 'Decrypt', operation: 'decrypt', items, cost: ({ cost }) => cost.secret },
    (version, group, key) => openingOnly(key, version.ref.version, group, () => ports.provider.decrypt(version, group)),
  );
}

/** Decrypt ciphertexts and encrypt them under the newest version; no plaintext leaves. */
export async function rewrap(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  items: readonly VersionedCiphertext[],
): Promise<VersionOutcomes> {
  const use = {
    action: 'Rewrap',
    operation: 'decrypt',
    version: undefined,
    count: items.length,
    cost: ({ cost }) => cost.secret + cost.public,
  } as const satisfies Parameters<typeof useKey>[3];
  return useKey(ports, caller, address, use, async (key, newest) => {
    await countEncryptions(ports, key, newest, items.length);
    const to = storedVersion(key, newest);
    const outcomes = await perVersion(key, items, (version, group) =>
      openingOnly(key, version.ref.version, group, () => ports.provider.rewrap(version, to, group)),
    );
    return { version: newest, outcomes };
  });
}

export interface DataKey {
  readonly version: number;
  /** The caller wipes it. */
  readonly plaintext: SecretBytes;
  readonly ciphertext: Uint8Array;
}

/** Make a key for use outside, in the clear and encrypted. @throws KmsError wrong-operation and what `useKey` throws */
export async function generateDataKey(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  request: { readonly bytes: 16 | 32; readonly associatedData?: Uint8Array | undefined },
): Promise<DataKey> {
  const use = {
    action: 'GenerateDataKey',
    operation: 'encrypt',
    version: undefined,
    count: 1,
    cost: ({ cost }) => cost.public,
    check: ({ keyType }) => {
      if (keyTypeRow(keyType).family !== 'aead')
        throw new KmsError(
          'wrong-operation',
          `a key of type ${keyType} makes no data keys: it takes a symmetric one that encrypts`,
        );
    },
  } as const satisfies Parameters<typeof useKey>[3];
  return useKey(ports, caller, address, use, async (key, version) => {
    await countEncryptions(ports, key, version, 1);
    const made = await ports.provider.generateDataKey(
      storedVersion(key, version),
      request.bytes,
      request.associatedData,
    );
    return { version, ...made };
  });
}

/** Versions below the key's `minDecryptionVersion` open nothing any more. */
async function openingOnly<Result>(
  { identity, minDecryptionVersion }: Key,
  version: number,
  group: readonly unknown[],
  open: () => Promise<readonly Outcome<Result>[]>,
): Promise<readonly Outcome<Result>[]> {
  if (version >= minDecryptionVersion) return open();
  const message = `key ${identity} decrypts from version ${minDecryptionVersion} on, this is version ${version}`;
  return group.map(() => new KmsError('version-unknown', message));
}

/**
 * Count encryptions of a version whose random nonces run out. The latest version gets a successor long before; where
 * that is not possible, encrypting ends at the limit.
 */
async function countEncryptions(ports: KmsPorts, key: Key, version: number, count: number): Promise<void> {
  if (!keyTypeRow(key.keyType).countsInvocations || count === 0) return;
  const state = await ports.invocations.take(key.identity, version, count);
  if (state !== 'rotate' || version !== latestVersion(key).version || !isRotatable(key)) return;
  await rotateBySystem(ports, key);
}

function isRotatable(key: Key): boolean {
  try {
    assertRotatable(key);
    return true;
  } catch (error) {
    if (error instanceof KmsError) return false;
    throw error;
  }
}
