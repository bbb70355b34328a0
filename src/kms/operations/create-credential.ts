import type { Policy } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import { hashOfSecret, makeSecret, secretFrom } from '#kms/core/secrets.ts';
import { administerCreation, type Creation } from '#kms/operations/administer.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import { claimOf } from '#kms/operations/idempotency.ts';
import type { IdempotencyClaim } from '#lib/idempotency.ts';
import type { Credential } from '#kms/ports/tenant-store.ts';
import { utf8Bytes } from '#lib/bytes.ts';
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

const made: Record<NewCredential['kind'], Pick<Creation, 'operation' | 'prefix'>> = {
  token: { operation: 'admin.token.create', prefix: 'tok' },
  client: { operation: 'admin.client.create', prefix: 'cli' },
};

/** A credential with its secret, which is shown once. */
export interface MadeCredential {
  readonly credential: Credential;
  readonly secret: SecretText;
}

/**
 * Make a token, or a client for OAuth2 client credentials. Its secret is in the answer and nowhere else; a repetition of
 * the request with the same idempotency key is answered with the same.
 *
 * @throws KmsError forbidden, payload-invalid, conflict
 */
export async function createCredential(
  ports: KmsPorts,
  caller: Caller,
  wanted: NewCredential,
  idempotencyKey?: string,
): Promise<MadeCredential> {
  const { kind, organisation } = wanted;
  const claim = claimOf(caller, idempotencyKey, ['credential', wanted]);
  const secretFor = (identity: string) => (claim === undefined ? makeSecret() : secretOf(ports, identity, claim));
  const make = async (identity: string): Promise<MadeCredential> => {
    const secret = secretFor(identity);
    const credential = await composeCredential(ports, identity, wanted, secret);
    await ports.store.putCredential(credential, claim);
    return { credential, secret };
  };
  const again = async (identity: string): Promise<MadeCredential> => {
    const secret = secretFor(identity);
    const credential = await ports.store.findCredential(hashOfSecret(secret.reveal()), ports.clock.now());
    if (credential !== undefined) return { credential, secret };
    throw new KmsError('conflict', `${identity}, made by the first request with this Idempotency-Key, counts no more`);
  };
  return administerCreation(ports, caller, { ...made[kind], organisation, claim }, make, again);
}

/**
 * The secret of what is made under an idempotency key follows from the key-encryption key, so that it can be told again
 * without being stored. Once the claim is forgotten, nobody has all that it follows from.
 */
function secretOf({ provider }: KmsPorts, identity: string, { principal, key }: IdempotencyClaim): SecretText {
  return secretFrom(provider.seal('secret of a credential', utf8Bytes(JSON.stringify([identity, principal, key]))));
}

async function composeCredential(
  { store, clock }: KmsPorts,
  identity: string,
  { kind, name, policies, organisation, project, lifetime }: NewCredential,
  secret: SecretText,
): Promise<Credential> {
  const known = organisation === undefined ? undefined : await store.findOrganisation(organisation);
  if (organisation !== undefined && known?.identity !== organisation)
    throw new KmsError('payload-invalid', `organisation: there is no organisation ${organisation}`);
  if (project !== undefined && organisation === undefined)
    throw new KmsError('payload-invalid', 'project: a project is of an organisation, which has to be named');
  const now = clock.now();
  const scope = {
    ...(organisation === undefined ? {} : { organisation }),
    ...(project === undefined ? {} : { project }),
  };
  return {
    identity,
    kind,
    hash: hashOfSecret(secret.reveal()),
    principal: { identity, ...scope, policies },
    name,
    createdAt: now,
    ...(lifetime === undefined ? {} : { expiresAt: now + lifetime * 1000 }),
  };
}
