import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import {
  type KeyAddress,
  useEachVersion,
  useVersion,
  type Versioned,
  type VersionInputs,
  type VersionOutcomes,
} from '#kms/operations/use-key.ts';
import type { AuthenticatedInput, HmacOptions, Outcome } from '#kms/ports/crypto-provider.ts';

/** Compute the HMACs of inputs with one version of a key. @throws KmsError hash-invalid and what `useKey` throws */
export async function hmac(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  { inputs, version, options }: VersionInputs & { readonly options: HmacOptions },
): Promise<VersionOutcomes> {
  return useVersion(
    ports,
    caller,
    address,
    { action: 'Hmac', operation: 'hmac', inputs, version, cost: ({ cost }) => cost.secret },
    (stored) => ports.provider.hmac(stored, inputs, options),
  );
}

export type VersionedHmac = AuthenticatedInput & Versioned;

/** Verify HMACs, each with the version that it names. @throws KmsError hash-invalid and what `useKey` throws */
export async function verifyHmac(
  ports: KmsPorts,
  caller: Caller,
  address: KeyAddress,
  { items, options }: { readonly items: readonly VersionedHmac[]; readonly options: HmacOptions },
): Promise<readonly Outcome<boolean>[]> {
  return useEachVersion(
    ports,
    caller,
    address,
    { action: 'VerifyHmac', operation: 'verify-hmac', items, cost: ({ cost }) => cost.secret },
    (version, group) => ports.provider.verifyHmac(version, group, options),
  );
}
