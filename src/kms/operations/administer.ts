import { randomUUID } from 'node:crypto';
import { isAdministrator } from '#kms/core/access.ts';
import type { AuditedOperation } from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';
import { slugOf } from '#kms/core/slug.ts';
import { audited, type Caller, type KmsPorts } from '#kms/operations/context.ts';
import { findEarlier, orEarlier } from '#kms/operations/idempotency.ts';
import { callCost } from '#kms/operations/rate-limiter.ts';
import type { IdempotencyClaim } from '#lib/idempotency.ts';
import type { Organisation, Region } from '#kms/ports/tenant-store.ts';

/** Refuse whoever may not administer an organisation; without one, all of them. @throws KmsError forbidden */
export function assertAdministrator(ports: KmsPorts, { principal }: Caller, organisation: string | undefined): void {
  ports.limiter.take(principal, callCost);
  if (!isAdministrator(principal, organisation))
    throw new KmsError(
      'forbidden',
      `this takes a token with the policy iam:FullAccess${organisation === undefined ? ' that belongs to no organisation' : ''}`,
    );
}

/** Let an administrator's change through, with its event in the audit log. */
export async function administer<Result>(
  ports: KmsPorts,
  caller: Caller,
  operation: AuditedOperation,
  { target, organisation }: { readonly target: string; readonly organisation: string | undefined },
  carryOut: () => Promise<Result>,
): Promise<Result> {
  const decide = async () => {
    assertAdministrator(ports, caller, organisation);
    return { decision: undefined, facts: {} };
  };
  const place = organisation === undefined ? {} : { organisation };
  return audited(ports, caller, operation, { target, ...place }, { decide, carryOut });
}

/** What an administrator makes. */
export interface Creation {
  readonly operation: AuditedOperation;
  /** What its identity begins with. */
  readonly prefix: string;
  readonly organisation: string | undefined;
  readonly claim: IdempotencyClaim | undefined;
}

/**
 * Let an administrator make something that has an identity. A repeated request is one for what the first one made.
 *
 * @param again - gives the answer for what was made before; it throws when that is gone.
 */
export async function administerCreation<Result>(
  ports: KmsPorts,
  caller: Caller,
  { operation, prefix, organisation, claim }: Creation,
  make: (identity: string) => Promise<Result>,
  again: (identity: string) => Promise<Result>,
): Promise<Result> {
  const decide = async () => {
    assertAdministrator(ports, caller, organisation);
    const earlier = await findEarlier(ports, claim);
    const identity = earlier ?? `${prefix}-${randomUUID()}`;
    return { decision: { identity, isMade: earlier !== undefined }, facts: { target: identity } };
  };
  const place = organisation === undefined ? {} : { organisation };
  return audited(ports, caller, operation, place, {
    decide,
    carryOut: async ({ identity, isMade }) =>
      isMade ? again(identity) : orEarlier(ports, claim, () => make(identity), again),
  });
}

/** Organisations that the caller may administer. */
export async function listOrganisations(ports: KmsPorts, caller: Caller): Promise<readonly Organisation[]> {
  const { organisation } = caller.principal;
  assertAdministrator(ports, caller, organisation);
  const all = await ports.store.listOrganisations();
  return organisation === undefined ? all : all.filter(({ identity }) => identity === organisation);
}

/** Add an organisation, or change its name or whether it has KMS. @throws KmsError forbidden, slug-conflict */
export async function putOrganisation(
  ports: KmsPorts,
  caller: Caller,
  identity: string,
  wanted: { readonly name?: string | undefined; readonly kmsEnabled?: boolean | undefined },
): Promise<Organisation> {
  return administer(
    ports,
    caller,
    'admin.organisation.put',
    { target: identity, organisation: undefined },
    async () => {
      const found = await findByIdentity(ports, identity);
      const name = wanted.name ?? found?.name ?? identity;
      const kmsEnabled = wanted.kmsEnabled ?? found?.kmsEnabled ?? true;
      const organisation = { identity, name, slug: found?.slug ?? slugOf(name), kmsEnabled };
      await ports.store.putOrganisation(organisation);
      return organisation;
    },
  );
}

async function findByIdentity({ store }: KmsPorts, identity: string): Promise<Organisation | undefined> {
  return (await store.listOrganisations()).find((organisation) => organisation.identity === identity);
}

/** All regions, with KMS or without. */
export async function listRegions(ports: KmsPorts, caller: Caller): Promise<readonly Region[]> {
  assertAdministrator(ports, caller, caller.principal.organisation);
  return ports.store.listRegions();
}

/** Add a region, or change its name or whether it has KMS. @throws KmsError forbidden, slug-conflict */
export async function putRegion(
  ports: KmsPorts,
  caller: Caller,
  identity: string,
  wanted: { readonly name?: string | undefined; readonly kmsAvailable?: boolean | undefined },
): Promise<Region> {
  return administer(ports, caller, 'admin.region.put', { target: identity, organisation: undefined }, async () => {
    const found = (await ports.store.listRegions()).find((region) => region.identity === identity);
    const name = wanted.name ?? found?.name ?? identity;
    const kmsAvailable = wanted.kmsAvailable ?? found?.kmsAvailable ?? true;
    const region = { identity, name, slug: found?.slug ?? slugOf(identity), kmsAvailable };
    await ports.store.putRegion(region);
    return region;
  });
}
