import { isOfProject, type Principal } from '#kms/core/access.ts';
import { getVersion, type Key } from '#kms/core/key.ts';
import { formatPublicKey, type PublicKeyFormat } from '#kms/core/public-key.ts';
import {
  auditedOnKey,
  authorise,
  type Authorised,
  type AuthorisedKey,
  type Caller,
  getAuthorisedKey,
  getOrganisation,
  type KmsPorts,
  notFound,
} from '#kms/operations/context.ts';
import { callCost } from '#kms/operations/rate-limiter.ts';
import type { KeyCounts, KeyCursor, KeyFilter, Page } from '#kms/ports/key-store.ts';
import type { Region } from '#kms/ports/tenant-store.ts';

export async function getKey(ports: KmsPorts, caller: Caller, region: string, id: string): Promise<AuthorisedKey> {
  return getAuthorisedKey(ports, caller, region, id, 'Read');
}

/** List the keys of a scope, those that wait for their deletion among them. */
export async function listKeys(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  filter: KeyFilter,
  page: Page<KeyCursor> = {},
): Promise<Authorised & { readonly keys: readonly Key[] }> {
  const authorised = await authorise(ports, caller, region, 'List');
  return { ...authorised, keys: await ports.store.listKeys(authorised.scope, filter, page) };
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
  const textsOf = ({ versions, keyType }: Key) =>
    new Map(versions.map((entry) => [entry.version, formatPublicKey(keyType, entry.publicKey, format)]));
  const wanted = (key: Key) => (version === undefined ? key : { ...key, versions: [getVersion(key, version)] });
  return auditedOnKey(ports, caller, { region, key: id }, 'GetPublicKey', {
    check: (key) => {
      textsOf(wanted(key));
      return version === undefined ? {} : { version };
    },
    carryOut: async ({ key }) => textsOf(wanted(key)),
  });
}

export interface KmsSummary {
  readonly caller: Principal;
  /** Identity of the organisation that the caller named. */
  readonly organisation: string;
  readonly featureEnabled: boolean;
  readonly regions: readonly { readonly region: Region; readonly counts: KeyCounts }[];
}

/**
 * Tell whether the organisation has KMS, in which regions, and how many keys. Asked for without it, it says so.
 *
 * @throws KmsError not-found for an organisation or a project that the caller is not of
 */
export async function summarise(ports: KmsPorts, caller: Caller): Promise<KmsSummary> {
  ports.limiter.take(caller.principal, callCost);
  const { identity, kmsEnabled } = await getOrganisation(ports, caller);
  if (!isOfProject(caller.principal, caller.project)) throw notFound();
  const project = caller.project === undefined ? {} : { project: caller.project };
  const regions = await Promise.all(
    (await ports.store.listRegions()).map(async (region) => ({
      region,
      counts: await ports.store.countKeys({ organisation: identity, region: region.identity, ...project }),
    })),
  );
  return { caller: caller.principal, organisation: identity, featureEnabled: kmsEnabled, regions };
}
