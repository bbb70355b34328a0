import { hash, randomUUID } from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import type { Key } from '#kms/core/key.ts';
import { defaultKeyType, type HashAlgorithm, type KeyType, keyTypeRow } from '#kms/core/key-types.ts';
import { assertRotationPolicy } from '#kms/core/life-cycle.ts';
import { slugOf } from '#kms/core/slug.ts';
import {
  audited,
  authorise,
  type Authorised,
  type AuthorisedKey,
  type Caller,
  factsOf,
  type KmsPorts,
} from '#kms/operations/context.ts';
import { claimOf, findEarlier, orEarlier } from '#kms/operations/idempotency.ts';
import { getWrappingKey } from '#kms/operations/wrapping-key.ts';
import type { KeyVersionRef, NewMaterial } from '#kms/ports/crypto-provider.ts';

export interface NewKey {
  readonly name: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly keyType?: KeyType;
  readonly exportAllowed?: boolean;
  readonly keyRotationEnabled?: boolean;
  readonly rotationPeriodInDays?: number;
  /** Material of the caller's own, wrapped for the region. Without it, material is made. */
  readonly import?: ImportedMaterial;
}

export interface ImportedMaterial {
  /** RSA-OAEP(ephemeral AES-256 key) ‖ AES-KWP(target). */
  readonly blob: Uint8Array;
  /** Hash of OAEP; SHA-256 unless another is named. */
  readonly oaepHash?: HashAlgorithm | undefined;
  /** Whether the key may get versions that are made here. */
  readonly allowRotation: boolean;
}

/** Microseconds that the making of a key costs, for the rate limit: a prime search for RSA, little else for the others. */
const makingCost = (type: KeyType) => (keyTypeRow(type).family === 'rsa' ? 400_000 : 2000);

/**
 * Create a key with its first version, made here or imported. A repeated request with the same idempotency key gives the
 * key that the first one made.
 *
 * @throws KmsError slug-conflict, conflict, payload-invalid, wrong-operation, import-invalid and what `authorise` throws
 */
export async function createKey(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  wanted: NewKey,
  idempotencyKey?: string,
): Promise<AuthorisedKey> {
  const action = wanted.import === undefined ? 'Create' : 'Import';
  const { keyType = defaultKeyType } = wanted;
  return audited(
    ports,
    caller,
    action === 'Create' ? 'kms.create' : 'kms.import',
    { region },
    {
      decide: async () => {
        const authorised = await authorise(ports, caller, region, action);
        assertCreatable(wanted, keyType);
        const claim = claimOf(caller, idempotencyKey, ['create', authorised.scope, digestible(wanted)]);
        const earlier = await findEarlier(ports, claim);
        if (earlier === undefined) ports.limiter.take(caller.principal, makingCost(keyType));
        const identity = earlier ?? `kms-${randomUUID()}`;
        const facts = { ...factsOf(authorised), key: identity, version: 1 };
        return { decision: { authorised, claim, earlier, identity }, facts };
      },
      carryOut: async ({ authorised, claim, earlier, identity }) => {
        const again = async (made: string) => ({ ...authorised, key: await getEarlierKey(ports, authorised, made) });
        if (earlier !== undefined) return again(earlier);
        const key = await composeKey(ports, authorised, identity, wanted);
        const event = action === 'Create' ? 'created' : 'imported';
        const insert = async () => {
          await ports.store.insertKey({ key, event, at: key.createdAt, claim });
          ports.onKeyEvent();
          return { ...authorised, key };
        };
        return orEarlier(ports, claim, insert, again);
      },
    },
  );
}

function assertCreatable(wanted: NewKey, keyType: KeyType): void {
  const { keyRotationEnabled = false, rotationPeriodInDays, import: imported } = wanted;
  assertRotationPolicy(keyRotationEnabled, rotationPeriodInDays, imported?.allowRotation === false);
  if (imported !== undefined && !keyTypeRow(keyType).importable)
    throw new KmsError(
      'wrong-operation',
      `importKeyMaterial: keys of type ${keyType} are made here and cannot be imported`,
    );
}

async function composeKey(ports: KmsPorts, { scope }: Authorised, identity: string, wanted: NewKey): Promise<Key> {
  const {
    keyType = defaultKeyType,
    exportAllowed = false,
    keyRotationEnabled = false,
    import: imported,
    ...rest
  } = wanted;
  const now = ports.clock.now();
  const material = await makeMaterial(ports, { ...scope, key: identity, version: 1, keyType }, imported);
  return {
    ...rest,
    identity,
    scope,
    slug: slugOf(wanted.name),
    keyType,
    exportAllowed,
    imported: imported !== undefined,
    allowRotation: imported?.allowRotation ?? false,
    status: 'active',
    keyRotationEnabled,
    minDecryptionVersion: 1,
    versions: [{ version: 1, createdAt: now, ...material }],
    createdAt: now,
    updatedAt: now,
    objectVersion: 1,
  };
}

async function makeMaterial(
  ports: KmsPorts,
  ref: KeyVersionRef,
  imported: ImportedMaterial | undefined,
): Promise<NewMaterial> {
  if (imported === undefined) return ports.provider.generate(ref);
  const wrappingKey = await getWrappingKey(ports, ref.region);
  return ports.provider.import(ref, imported.blob, wrappingKey, imported.oaepHash);
}

/** Return the key that an earlier request made or changed. @throws KmsError conflict when it is gone */
export async function getEarlierKey({ store }: KmsPorts, { scope }: Authorised, identity: string): Promise<Key> {
  const key = await store.findKey(scope, identity);
  if (key === undefined)
    throw new KmsError('conflict', 'the key that the first request with this Idempotency-Key made is gone');
  return key;
}

/** The request as it can be hashed: octets as their own hash. */
function digestible({ import: imported, ...rest }: NewKey): unknown {
  if (imported === undefined) return rest;
  return { ...rest, import: { ...imported, blob: hash('sha256', imported.blob, 'hex') } };
}
