import type { Clock } from '#lib/clock.ts';
import { type Action, isAllowed, isMember, type Principal } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { Key, Scope } from '#kms/core/key.ts';
import type { CryptoProvider } from '#kms/ports/crypto-provider.ts';
import type { KeyStore, Organisation } from '#kms/ports/key-store.ts';

/** What the operations work with. */
export interface KmsPorts {
  readonly store: KeyStore;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
}

/** Who asks, and on whose behalf. */
export interface Caller {
  readonly principal: Principal;
  readonly organisation: string;
  readonly project?: string;
}

/** A call that was let through: its scope, in which the principal may do the action. */
export interface Authorised {
  readonly caller: Caller;
  readonly organisation: Organisation;
  readonly scope: Scope;
}

/**
 * Decide whether a call may go on. What a caller may not know of is answered as if it did not exist.
 *
 * @throws KmsError not-found, feature-disabled, region-unavailable
 */
export async function authorise(ports: KmsPorts, caller: Caller, region: string, action: Action): Promise<Authorised> {
  const organisation = await getOrganisation(ports, caller);
  if (!organisation.kmsEnabled) throw new KmsError('feature-disabled', 'KMS is not enabled for this organisation');
  const found = await ports.store.findRegion(region);
  if (found === undefined) throw new KmsError('not-found', 'there is no such region');
  if (!found.kmsAvailable) throw new KmsError('region-unavailable', `KMS is not available in region ${found.slug}`);
  if (!isAllowed(caller.principal, action, organisation.identity, caller.project)) throw keyNotFound();
  const project = caller.project === undefined ? {} : { project: caller.project };
  return { caller, organisation, scope: { organisation: organisation.identity, region: found.identity, ...project } };
}

/** Return the organisation that the caller speaks for. @throws KmsError not-found */
export async function getOrganisation({ store }: KmsPorts, { principal, organisation }: Caller): Promise<Organisation> {
  const found = await store.findOrganisation(organisation);
  if (found === undefined || !isMember(principal, found.identity))
    throw new KmsError('not-found', 'there is no such organisation');
  return found;
}

/** Return a key of the caller's scope. @throws KmsError not-found and what `authorise` throws */
export async function getAuthorisedKey(
  ports: KmsPorts,
  caller: Caller,
  region: string,
  id: string,
  action: Action,
): Promise<Authorised & { readonly key: Key }> {
  const authorised = await authorise(ports, caller, region, action);
  const key = await ports.store.findKey(authorised.scope, id);
  if (key === undefined) throw keyNotFound();
  return { ...authorised, key };
}

function keyNotFound(): KmsError {
  return new KmsError('not-found', 'there is no such key');
}
