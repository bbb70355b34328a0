import { hash, randomBytes } from 'node:crypto';
import { encodeBase64Url } from '#lib/encoding.ts';
import { SecretText } from '#lib/secret-text.ts';

/** Make the secret of a token or client: 256 random bits behind a prefix by which scanners for leaks know it. */
export function makeSecret(): SecretText {
  return secretFrom(randomBytes(32));
}

/** Write octets that nobody can guess as the secret of a token or client. */
export function secretFrom(octets: Uint8Array): SecretText {
  return new SecretText(`zs_${encodeBase64Url(octets)}`);
}

/** SHA-256 of a secret: it is random, so a slow hash would add nothing. */
export function hashOfSecret(secret: string): Uint8Array {
  return hash('sha256', secret, 'buffer');
}
