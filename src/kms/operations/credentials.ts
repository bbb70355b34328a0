import { randomUUID } from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import { hashOfSecret, makeSecret } from '#kms/core/secrets.ts';
import { administer, assertAdministrator } from '#kms/operations/administer.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import type { Credential } from '#kms/ports/tenant-store.ts';
import type { SecretText } from '#lib/secret-text.ts';

/** Credentials of the caller's organisation, or of all for those who belong to none. Never their secrets. */
export async function listCredentials(ports: KmsPorts, caller: Caller): Promise<readonly Credential[]> {
  const { organisation } = caller.principal;
  assertAdministrator(ports, caller, organisation);
  return ports.store.listCredentials(organisation);
}

/** Revoke a credential, and what a client got for it, from the next call on. @throws KmsError not-found, forbidden */
export async function revokeCredential(ports: KmsPorts, caller: Caller, identity: string): Promise<void> {
  const { organisation } = caller.principal;
  await administer(ports, caller, 'admin.token.revoke', { target: identity, organisation }, async () => {
    const now = ports.clock.now();
    if (!(await ports.store.revokeCredential(identity, organisation, now)))
      throw new KmsError('not-found', `there is no valid credential ${identity}`);
  });
}

/** Seconds that an access token is valid, unless its client is so for less. */
const accessLifetime = 3600;

/**
 * Exchange a client's secret for an access token, with the seconds that it is valid.
 *
 * Source: RFC 6749 §4.4.
 *
 * @throws KmsError unauthenticated
 */
export async function issueAccessToken(
  ports: KmsPorts,
  clientId: string,
  clientSecret: string,
  origin: Pick<Caller, 'requestId' | 'address'>,
): Promise<{ readonly token: SecretText; readonly lifetime: number }> {
  const now = ports.clock.now();
  const client = await ports.store.findCredential(hashOfSecret(clientSecret), now);
  if (client?.kind !== 'client' || client.identity !== clientId)
    throw new KmsError('unauthenticated', 'the client id or the client secret is wrong');
  const { principal, identity, name, expiresAt = Infinity } = client;
  const token = makeSecret();
  const end = Math.min(expiresAt, now + accessLifetime * 1000);
  const access: Credential = {
    identity: `acc-${randomUUID()}`,
    kind: 'access',
    hash: hashOfSecret(token.reveal()),
    principal,
    name,
    createdAt: now,
    expiresAt: end,
  };
  await ports.audit.append({
    at: now,
    operation: 'auth.access_token',
    outcome: 'allowed',
    principal: identity,
    organisation: principal.organisation ?? '',
    target: access.identity,
    ...origin,
  });
  await ports.store.putCredential(access);
  return { token, lifetime: Math.floor((end - now) / 1000) };
}
