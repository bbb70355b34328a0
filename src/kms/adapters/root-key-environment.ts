import { localRootKey } from '#kms/adapters/root-key-local.ts';
import { kekBytes } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { RootKey } from '#kms/ports/root-key.ts';
import { decodeBase64, decodeHex } from '#lib/encoding.ts';
import { SecretBytes } from '#lib/secret-bytes.ts';

/**
 * Open a root key that is given as text: 32 octets in base64 or hexadecimal. The variable is removed from `environment`,
 * so that no child process and no crash report inherits it; the runtime's own copy of the text cannot be wiped, which is
 * why a file is the better place.
 *
 * @throws KmsError root-key-missing, root-key-invalid
 */
export function openRootKeyEnvironment(
  variable: string,
  environment: Record<string, string | undefined> = process.env,
): RootKey {
  const text = environment[variable]?.trim();
  delete environment[variable];
  if (text === undefined || text === '') {
    throw new KmsError('root-key-missing', `the environment variable ${variable} with the root key is not set`);
  }
  const bytes = /^[0-9a-f]{64}$/i.test(text) ? decodeHex(text) : decodeBase64(text);
  if (bytes?.length !== kekBytes) {
    throw new KmsError('root-key-invalid', `${variable} must hold ${kekBytes} octets in base64 or hexadecimal`);
  }
  return localRootKey(new SecretBytes(bytes));
}
