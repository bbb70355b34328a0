import type { Key } from '#kms/core/key.ts';
import type { KeyTypeRow } from '#kms/core/key-types.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import {
  type KeyAddress,
  type KeyUse,
  storedVersion,
  useEachVersion,
  useKey,
  useVersion,
  type Versioned,
  type VersionInputs,
  type VersionOutcomes,
} from '#kms/operations/use-key.ts';
import type { Outcome, PackedOutcomes, SignatureOptions, SignedInput } from '#kms/ports/crypto-provider.ts';
import { type Packed, releasePacked } from '#lib/packed.ts';

/**
 * Sign inputs with one version of a key, the latest unless another is named.
 *
 * @throws KmsError hash-invalid, algorithm-invalid, overloaded and what `useKey` throws
 */
export async function sign(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  { inputs, version, options }: VersionInputs & { readonly options: SignatureOptions },
): Promise<VersionOutcomes> {
  return useVersion(
    ports,
    caller,
    address,
    {
      action: 'Sign',
      operation: 'sign',
      inputs,
      version,
      cost: ({ cost }) => (options.prehashed === true ? cost.digest : cost.secret),
    },
    (stored) => ports.provider.sign(stored, inputs, options),
  );
}

/**
 * Sign many inputs, as `sign` does.
 *
 * @throws KmsError what `sign` throws
 */
export async function signPacked(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  { inputs, version, options }: PackedInputs,
): Promise<PackedOutcomes & Versioned> {
  const cost = ({ cost: costs }: KeyTypeRow) => (options.prehashed === true ? costs.digest : costs.secret);
  const use: KeyUse = { action: 'Sign', operation: 'sign', version, count: inputs.ends.length, cost };
  const carryOut = async (key: Key, used: number): Promise<PackedOutcomes & Versioned> => ({
    version: used,
    ...(await ports.provider.signPacked(storedVersion(key, used), inputs, options)),
  });
  return useKey(ports, caller, address, use, carryOut, ({ results }) => releasePacked(results));
}

/** Inputs for one version of a key, the latest unless another is named. */
export interface PackedInputs {
  readonly inputs: Packed;
  readonly version?: number | undefined;
  readonly options: SignatureOptions;
}

/** A signature together with the version that its text names. */
export type VersionedSignature = SignedInput & Versioned;

/**
 * Verify signatures, each with the version that it names. A wrong signature is `false`, a version that the key never had
 * is an error.
 *
 * @throws KmsError hash-invalid, algorithm-invalid, overloaded and what `useKey` throws
 */
export async function verify(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  { items, options }: { readonly items: readonly VersionedSignature[]; readonly options: SignatureOptions },
): Promise<readonly Outcome<boolean>[]> {
  return useEachVersion(
    ports,
    caller,
    address,
    {
      action: 'Verify',
      operation: 'verify',
      items,
      cost: ({ cost }) => (options.prehashed === true ? cost.digest : cost.public),
    },
    (version, group) => ports.provider.verify(version, group, options),
  );
}
