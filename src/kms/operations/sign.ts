import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import { type KeyAddress, perVersion, storedVersion, useKey, type Versioned } from '#kms/operations/use-key.ts';
import type { Outcome, SignatureOptions, SignedInput } from '#kms/ports/crypto-provider.ts';

/** Results of one key version, in the order of the inputs. */
export interface VersionOutcomes {
  readonly version: number;
  readonly outcomes: readonly Outcome<Uint8Array>[];
}

/**
 * Sign inputs with one version of a key, the latest unless another is named.
 *
 * @throws KmsError hash-invalid, algorithm-invalid, overloaded and what `useKey` throws
 */
export async function sign(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  request: {
    readonly inputs: readonly Uint8Array[];
    readonly version?: number | undefined;
    readonly options: SignatureOptions;
  },
): Promise<VersionOutcomes> {
  const { inputs, version, options } = request;
  const use = {
    action: 'Sign',
    operation: 'sign',
    version,
    count: inputs.length,
    cost: ({ cost }) => (options.prehashed === true ? cost.digest : cost.secret),
  } as const satisfies Parameters<typeof useKey>[3];
  return useKey(ports, caller, address, use, async (key, chosen) => ({
    version: chosen,
    outcomes: await ports.provider.sign(storedVersion(key, chosen), inputs, options),
  }));
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
  request: { readonly items: readonly VersionedSignature[]; readonly options: SignatureOptions },
): Promise<readonly Outcome<boolean>[]> {
  const { items, options } = request;
  const use = {
    action: 'Verify',
    operation: 'verify',
    version: 'each',
    count: items.length,
    cost: ({ cost }) => (options.prehashed === true ? cost.digest : cost.public),
  } as const satisfies Parameters<typeof useKey>[3];
  return useKey(ports, caller, address, use, (key) =>
    perVersion(key, items, (version, group) => ports.provider.verify(version, group, options)),
  );
}
