import { createPublicKey } from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import { keyTypeRow, type KeyType } from '#kms/core/key-types.ts';
import { bufferView } from '#lib/bytes.ts';
import { encodeBase64 } from '#lib/encoding.ts';

/** How a public key is asked for: `pem` and `der` are SubjectPublicKeyInfo. */
export type PublicKeyFormat = 'pem' | 'der' | 'raw' | 'jwk';

const formats: readonly PublicKeyFormat[] = ['pem', 'der', 'raw', 'jwk'];

/** Spell a SubjectPublicKeyInfo in DER as PEM. */
export function formatSpki(spki: Uint8Array): string {
  return createPublicKey({ key: bufferView(spki), format: 'der', type: 'spki' }).export({
    format: 'pem',
    type: 'spki',
  }) as string;
}

/** Parse the name of a format. @throws KmsError payload-invalid */
export function parsePublicKeyFormat(text: string): PublicKeyFormat {
  const found = formats.find((format) => format === text);
  if (found === undefined) throw new KmsError('payload-invalid', `format must be one of ${formats.join(', ')}`);
  return found;
}

/**
 * Spell a public key as text. Without a format it is what the type's row says. `der` and `raw` are base64, `jwk` is
 * JSON; `raw` is the 32 octets of Ed25519, or the uncompressed point of the other curves.
 *
 * @param spki - SubjectPublicKeyInfo in DER.
 * @throws KmsError wrong-operation (a secret has no public key), payload-invalid (RSA has no raw form)
 */
export function formatPublicKey(type: KeyType, spki: Uint8Array | undefined, format?: PublicKeyFormat): string {
  const row = keyTypeRow(type);
  if (row.publicKey === undefined || spki === undefined) {
    throw new KmsError('wrong-operation', `a key of type ${type} has no public key`);
  }
  const chosen = format ?? (row.publicKey === 'raw-base64' ? 'raw' : 'pem');
  if (chosen === 'der') return encodeBase64(spki);
  if (chosen === 'pem') return formatSpki(spki);
  const key = createPublicKey({ key: bufferView(spki), format: 'der', type: 'spki' });
  if (chosen === 'jwk') return JSON.stringify(key.export({ format: 'jwk' }));
  switch (row.family) {
    case 'ed25519':
      return encodeBase64(spki.subarray(-32));
    case 'ecdsa':
      return encodeBase64(spki.subarray(-(1 + 2 * row.scalarBytes)));
    default:
      throw new KmsError('payload-invalid', `a public key of type ${type} has no raw form: ask for pem, der or jwk`);
  }
}
