import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { request } from 'undici';
import { policies, type Policy } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { ForeignTokens } from '#kms/ports/foreign-tokens.ts';

export interface JwtIssuerOptions {
  /** `iss` of the tokens. */
  readonly issuer: string;
  /** `aud` that they must name. */
  readonly audience: string;
}

const known: ReadonlySet<string> = new Set(policies);

/**
 * Trust the tokens of an outside issuer, signed with an asymmetric key of its JWK set. The claims `organisation`,
 * `project` and `policies` say what the bearer may do; a token without an organisation, or with a policy that does not
 * exist, is refused.
 *
 * Source: RFC 7519 §4.1, RFC 8725 §3.1.
 */
export function openJwtIssuer({ issuer, audience }: JwtIssuerOptions): ForeignTokens {
  let keys: JWTVerifyGetKey | undefined;
  return {
    async check(token) {
      try {
        keys ??= createRemoteJWKSet(await findKeys(issuer));
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience,
          algorithms: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'],
          requiredClaims: ['sub', 'exp'],
          clockTolerance: 5,
        });
        const { sub = '', organisation, project, policies: granted } = payload;
        if (!isName(sub) || !isName(organisation) || !isPolicies(granted)) return undefined;
        if (project !== undefined && !isName(project)) return undefined;
        const identity = `jwt:${sub}`;
        return { identity, organisation, ...(project === undefined ? {} : { project }), policies: granted };
      } catch (error) {
        if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) return undefined;
        throw new KmsError('issuer-unavailable', 'the issuer of this token cannot be asked for its keys', {
          cause: error,
        });
      }
    },
  };
}

/** Look up where an issuer publishes its keys. The path is that of OpenID Connect. Source: RFC 8414 §3. */
async function findKeys(issuer: string): Promise<URL> {
  const place = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`;
  const answer = await request(place, { signal: AbortSignal.timeout(5000) });
  const found: unknown = await answer.body.json();
  const uri = typeof found === 'object' && found !== null && 'jwks_uri' in found ? found.jwks_uri : undefined;
  if (answer.statusCode !== 200 || typeof uri !== 'string')
    throw new Error(`${place} names no jwks_uri (status ${answer.statusCode})`);
  return new URL(uri);
}

/** A name that headers can carry and databases keep. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^\P{C}{1,255}$/u.test(value);
}

function isPolicies(value: unknown): value is Policy[] {
  return Array.isArray(value) && value.every((policy) => typeof policy === 'string' && known.has(policy));
}
