import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import type { VersionOutcomes } from '#kms/operations/sign.ts';
import { type KeyAddress, perVersion, storedVersion, useKey, type Versioned } from '#kms/operations/use-key.ts';
import type { AuthenticatedInput, HmacOptions, Outcome } from '#kms/ports/crypto-provider.ts';

/** Compute the HMACs of inputs with one version of a key. @throws KmsError hash-invalid and what `useKey` throws */
export async function hmac(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  request: {
    readonly inputs: readonly Uint8Array[];
    readonly version?: number | undefined;
    readonly options: HmacOptions;
  },
): Promise<VersionOutcomes> {
  const { inputs, version, options } = request;
  const use = {
    action: 'Hmac',
    operation: 'hmac',
    version,
    count: inputs.length,
    cost: ({ cost }) => cost.secret,
  } as const satisfies Parameters<typeof useKey>[3];
  return useKey(ports, caller, address, use, async (key, chosen) => ({
    version: chosen,
    outcomes: await ports.provider.hmac(storedVersion(key, chosen), inputs, options),
  }));
}

export type VersionedHmac = AuthenticatedInput & Versioned;

/** Verify HMACs, each with the version that it names. @throws KmsError hash-invalid and what `useKey` throws */
export async function verifyHmac(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  request: { readonly items: readonly VersionedHmac[]; readonly options: HmacOptions },
): Promise<readonly Outcome<boolean>[]> {
  const { items, options } = request;
  const use = {
    action: 'VerifyHmac',
    operation: 'verify-hmac',
    version: 'each',
    count: items.length,
    cost: ({ cost }) => cost.secret,
  } as const satisfies Parameters<typeof useKey>[3];
  return useKey(ports, caller, address, use, (key) =>
    perVersion(key, items, (version, group) => ports.provider.verifyHmac(version, group, options)),
  );
}
