import { assertUsable } from '#kms/core/life-cycle.ts';
import { getVersion, type Key } from '#kms/core/key.ts';
import { KmsError } from '#kms/core/errors.ts';
import { type Caller, getAuthorisedKey, type KmsPorts } from '#kms/operations/context.ts';
import type { Outcome, SignatureOptions, SignedInput, StoredKeyVersion } from '#kms/ports/crypto-provider.ts';

/** Signatures of one key version, in the order of the inputs. */
export interface Signatures {
  readonly version: number;
  readonly outcomes: readonly Outcome<Uint8Array>[];
}

/**
 * Sign inputs with one version of a key, the latest unless another is named.
 *
 * @throws KmsError wrong-state, wrong-operation, version-unknown, hash-invalid, algorithm-invalid, overloaded, …
 */
export async function sign(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  request: {
    readonly inputs: readonly Uint8Array[];
    readonly version?: number | undefined;
    readonly options: SignatureOptions;
  },
): Promise<Signatures> {
  const { key } = await getAuthorisedKey(ports, caller, region, id, 'Sign');
  assertUsable(key);
  const { version } = getVersion(key, request.version);
  return { version, outcomes: await ports.provider.sign(storedVersion(key, version), request.inputs, request.options) };
}

/** A signature together with the version that its text names. */
export interface VersionedSignature extends SignedInput {
  readonly version: number;
}

/**
 * Verify signatures, each with the version that it names. A wrong signature is `false`, a version that the key never had
 * is an error.
 *
 * @throws KmsError wrong-state, wrong-operation, version-unknown, …
 */
export async function verify(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  request: { readonly items: readonly VersionedSignature[]; readonly options: SignatureOptions },
): Promise<readonly Outcome<boolean>[]> {
  const { key } = await getAuthorisedKey(ports, caller, region, id, 'Verify');
  assertUsable(key);
  const outcomes = new Map<VersionedSignature, Outcome<boolean>>();
  const groups = Map.groupBy(request.items, (item) => item.version);
  await Promise.all(
    [...groups].map(async ([version, items]) => {
      const known = key.versions.some((candidate) => candidate.version === version);
      const answers = known
        ? await ports.provider.verify(storedVersion(key, version), items, request.options)
        : items.map(() => new KmsError('version-unknown', `signature: key ${key.identity} has no version ${version}`));
      for (const [index, item] of items.entries()) outcomes.set(item, answers[index] ?? missing());
    }),
  );
  return request.items.map((item) => outcomes.get(item) ?? missing());
}

export function storedVersion(key: Key, version: number): StoredKeyVersion {
  const { organisation, region, project } = key.scope;
  return {
    ref: { organisation, region, project, key: key.identity, version, keyType: key.keyType },
    wrapped: getVersion(key, version).wrapped,
  };
}

function missing(): KmsError {
  return new KmsError('internal', 'the cryptography gave no answer');
}
