import { decodeBase64 } from '#lib/encoding.ts';
import type { Principal } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import { hashOfSecret } from '#kms/core/secrets.ts';
import type { KmsPorts } from '#kms/operations/context.ts';

/**
 * Find out who calls by the `Authorization` header: `Bearer` or `Token` with a token, or `Basic` with a token as the
 * password, or with a client's id and secret. Only hashes of secrets are stored, so that a stolen database opens nothing.
 *
 * @throws KmsError unauthenticated
 */
export async function authenticate(ports: KmsPorts, authorization: string | undefined): Promise<Principal> {
  const shown = authorization === undefined ? undefined : credentialsIn(authorization);
  const principal = shown === undefined ? undefined : await principalOf(ports, shown);
  if (principal === undefined) throw new KmsError('unauthenticated', 'the Authorization header carries no valid token');
  return principal;
}

interface ShownCredentials {
  /** User name of `Basic`; for a client it must be the client's id. */
  readonly user?: string;
  readonly secret: string;
}

async function principalOf(
  { store, clock, foreignTokens }: KmsPorts,
  { user, secret }: ShownCredentials,
): Promise<Principal | undefined> {
  if (foreignTokens !== undefined && user === undefined && isJwt(secret)) return foreignTokens.check(secret);
  const credential = await store.findCredential(hashOfSecret(secret), clock.now());
  // A client's secret alone is for the token endpoint: with its id it may be used as it is.
  if (credential?.kind === 'client' && credential.identity !== user) return undefined;
  return credential?.principal;
}

/** Tell a JWT, whose header is a JSON object in base64url, from a token of ours or of the operator's choice. */
function isJwt(secret: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(secret);
}

function credentialsIn(authorization: string): ShownCredentials | undefined {
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(authorization.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
    case 'token':
      return { secret: credentials };
    case 'basic':
      return parseBasic(credentials);
    default:
      return undefined;
  }
}

/** Parse the credentials of `Basic`: base64 of user, colon, password. Source: RFC 7617 §2. */
export function parseBasic(credentials: string): Required<ShownCredentials> | undefined {
  const bytes = decodeBase64(credentials);
  const pair = bytes === undefined ? '' : new TextDecoder().decode(bytes);
  const colon = pair.indexOf(':');
  return colon === -1 ? undefined : { user: pair.slice(0, colon), secret: pair.slice(colon + 1) };
}
