import { hash, randomUUID } from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import type { Key } from '#kms/core/key.ts';
import { defaultKeyType, type KeyType } from '#kms/core/key-types.ts';
import { assertRotationPolicy } from '#kms/core/life-cycle.ts';
import { slugOf } from '#kms/core/slug.ts';
import { authorise, type Authorised, type Caller, type KmsPorts } from '#kms/operations/context.ts';
import type { IdempotencyClaim } from '#kms/ports/key-store.ts';

export interface NewKey {
  readonly name: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly keyType?: KeyType;
  readonly exportAllowed?: boolean;
  readonly keyRotationEnabled?: boolean;
  readonly rotationPeriodInDays?: number;
  readonly allowRotation?: boolean;
}

/**
 * Create a key with its first version. A repeated request with the same idempotency key gives the key that the first one
 * made.
 *
 * @throws KmsError slug-conflict, conflict, payload-invalid and what `authorise` throws
 */
export async function createKey(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  wanted: NewKey,
  idempotencyKey?: string,
): Promise<Authorised & { readonly key: Key }> {
  const authorised = await authorise(ports, caller, region, 'Create');
  assertRotationPolicy(wanted.keyRotationEnabled === true, wanted.rotationPeriodInDays, false);
  const claim = claimOf(caller, idempotencyKey, ['create', authorised.scope, wanted]);
  const earlier = await findEarlier(ports, authorised, claim);
  if (earlier !== undefined) return { ...authorised, key: earlier };
  const key = await composeKey(ports, authorised, wanted);
  await ports.store.insertKey({ key, event: 'created', at: key.createdAt, claim });
  return { ...authorised, key };
}

async function composeKey({ provider, clock }: KmsPorts, { scope }: Authorised, wanted: NewKey): Promise<Key> {
  const {
    keyType = defaultKeyType,
    exportAllowed = false,
    keyRotationEnabled = false,
    allowRotation = false,
    ...rest
  } = wanted;
  const identity = `kms-${randomUUID()}`;
  const now = clock.now();
  const material = await provider.generate({ ...scope, key: identity, version: 1, keyType });
  return {
    ...rest,
    identity,
    scope,
    slug: slugOf(wanted.name),
    keyType,
    exportAllowed,
    imported: false,
    allowRotation,
    status: 'active',
    keyRotationEnabled,
    minDecryptionVersion: 1,
    versions: [{ version: 1, createdAt: now, ...material }],
    createdAt: now,
    updatedAt: now,
    objectVersion: 1,
  };
}

/** Return the key that an earlier request with this claim was about. @throws KmsError conflict */
export async function findEarlier(
  { store }: KmsPorts,
  { scope }: Authorised,
  claim: IdempotencyClaim | undefined,
): Promise<Key | undefined> {
  const identity = claim === undefined ? undefined : await store.findClaim(claim);
  if (identity === undefined) return undefined;
  const key = await store.findKey(scope, identity);
  if (key === undefined)
    throw new KmsError('conflict', 'the key that the first request with this Idempotency-Key made is gone');
  return key;
}

/** Bind an idempotency key to its caller and to what was asked. */
export function claimOf(
  caller: Caller,
  idempotencyKey: string | undefined,
  request: unknown,
): IdempotencyClaim | undefined {
  if (idempotencyKey === undefined) return undefined;
  return {
    principal: caller.principal.identity,
    key: idempotencyKey,
    requestHash: hash('sha256', JSON.stringify(request), 'buffer'),
  };
}
