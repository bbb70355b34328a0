import type { Key } from '#kms/core/key.ts';
import { getVersion } from '#kms/core/key.ts';
import { formatPublicKey, type PublicKeyFormat } from '#kms/core/public-key.ts';
import {
  authorise,
  type Authorised,
  type Caller,
  getAuthorisedKey,
  getOrganisation,
  type KmsPorts,
} from '#kms/operations/context.ts';
import type { KeyCounts, KeyFilter, Region } from '#kms/ports/key-store.ts';

export async function getKey(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
): Promise<Authorised & { readonly key: Key }> {
  return getAuthorisedKey(ports, caller, region, id, 'Read');
}

/** List the keys of a scope, those that wait for their deletion among them. */
export async function listKeys(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  filter: KeyFilter,
): Promise<Authorised & { readonly keys: readonly Key[] }> {
  const authorised = await authorise(ports, caller, region, 'List');
  return { ...authorised, keys: await ports.store.listKeys(authorised.scope, filter) };
}

/**
 * Export public keys by version: the one that is named, or all.
 *
 * @throws KmsError wrong-operation, version-unknown and what `authorise` throws
 */
export async function getPublicKeys(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  version: number | undefined,
  format: PublicKeyFormat | undefined,
): Promise<ReadonlyMap<number, string>> {
  const { key } = await getAuthorisedKey(ports, caller, region, id, 'GetPublicKey');
  const versions = version === undefined ? key.versions : [getVersion(key, version)];
  return new Map(versions.map((entry) => [entry.version, formatPublicKey(key.keyType, entry.publicKey, format)]));
}

export interface KmsSummary {
  readonly featureEnabled: boolean;
  readonly regions: readonly { readonly region: Region; readonly counts: KeyCounts }[];
}

/** Tell whether the organisation has KMS, in which regions, and how many keys. Asked for without it, it says so. */
export async function summarise(ports: KmsPorts, caller: Caller): Promise<KmsSummary> {
  const { identity, kmsEnabled } = await getOrganisation(ports, caller);
  const project = caller.project === undefined ? {} : { project: caller.project };
  const regions = await Promise.all(
    (await ports.store.listRegions()).map(async (region) => ({
      region,
      counts: await ports.store.countKeys({ organisation: identity, region: region.identity, ...project }),
    })),
  );
  return { featureEnabled: kmsEnabled, regions };
}
