import { randomUUID } from 'node:crypto';
import type { Policy } from '#kms/core/access.ts';
import type { AuditedOperation } from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';
import { hashOfSecret, makeSecret } from '#kms/core/secrets.ts';
import { administer, assertAdministrator } from '#kms/operations/administer.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import type { Credential } from '#kms/ports/tenant-store.ts';
import type { SecretText } from '#lib/secret-text.ts';

export interface NewCredential {
  readonly kind: 'token' | 'client';
  readonly name: string;
  readonly policies: readonly Policy[];
  /** The one organisation that it is for. Without it, any: only those who belong to none themselves can give that. */
  readonly organisation?: string | undefined;
  readonly project?: string | undefined;
  /** Seconds until it expires. */
  readonly lifetime?: number | undefined;
}

const made: Record<NewCredential['kind'], { readonly operation: AuditedOperation; readonly prefix: string }> = {
  token: { operation: 'admin.token.create', prefix: 'tok' },
  client: { operation: 'admin.client.create', prefix: 'cli' },
};

/**
 * Make a token, or a client for OAuth2 client credentials. Its secret is in the answer and nowhere else.
 *
 * @throws KmsError forbidden, payload-invalid
 */
export async function createCredential(
  ports: KmsPorts,
  caller: Caller,
  wanted: NewCredential,
): Promise<{ readonly credential: Credential; readonly secret: SecretText }> {
  const { kind, name, policies, organisation, project, lifetime } = wanted;
  const { operation, prefix } = made[kind];
  const identity = `${prefix}-${randomUUID()}`;
  return administer(ports, caller, operation, { target: identity, organisation }, async () => {
    const known = organisation === undefined ? undefined : await ports.store.findOrganisation(organisation);
    if (organisation !== undefined && known?.identity !== organisation)
      throw new KmsError('payload-invalid', `organisation: there is no organisation ${organisation}`);
    if (project !== undefined && organisation === undefined)
      throw new KmsError('payload-invalid', 'project: a project is of an organisation, which has to be named');
    const now = ports.clock.now();
    const secret = makeSecret();
    const scope = {
      ...(organisation === undefined ? {} : { organisation }),
      ...(project === undefined ? {} : { project }),
    };
    const credential: Credential = {
      identity,
      kind,
      hash: hashOfSecret(secret.reveal()),
      principal: { identity, ...scope, policies },
      name,
      createdAt: now,
      ...(lifetime === undefined ? {} : { expiresAt: now + lifetime * 1000 }),
    };
    await ports.store.putCredential(credential);
    return { credential, secret };
  });
}

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
