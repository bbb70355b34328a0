import { hash } from 'node:crypto';
import { decodeBase64 } from '#lib/encoding.ts';
import type { Principal } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { KmsPorts } from '#kms/operations/context.ts';

/**
 * Find out who calls by the `Authorization` header: `Bearer` or `Token` with the token, or `Basic` with it as the
 * password. Only hashes of tokens are stored, so that a stolen database opens nothing.
 *
 * @throws KmsError unauthenticated
 */
export async function authenticate({ store, clock }: KmsPorts, authorization: string | undefined): Promise<Principal> {
  const token = authorization === undefined ? undefined : tokenIn(authorization);
  const principal = token === undefined ? undefined : await store.findPrincipal(hashOfToken(token), clock.now());
  if (principal === undefined) throw new KmsError('unauthenticated', 'the Authorization header carries no valid token');
  return principal;
}

/** SHA-256 of a token: tokens are random, so a slow hash would add nothing. */
export function hashOfToken(token: string): Uint8Array {
  return hash('sha256', token, 'buffer');
}

function tokenIn(authorization: string): string | undefined {
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(authorization.trim()) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
    case 'token':
      return credentials;
    case 'basic': {
      const bytes = decodeBase64(credentials);
      const pair = bytes === undefined ? '' : new TextDecoder().decode(bytes);
      return pair.includes(':') ? pair.slice(pair.indexOf(':') + 1) : undefined;
    }
    default:
      return undefined;
  }
}
