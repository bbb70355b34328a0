import type { Principal } from '#kms/core/access.ts';

/** Tokens that another issuer signed. */
export interface ForeignTokens {
  /**
   * Return who a token speaks for; undefined for a token that is not of that issuer, or not valid.
   *
   * @throws KmsError issuer-unavailable
   */
  check(token: string): Promise<Principal | undefined>;
}
