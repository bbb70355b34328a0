import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import { hashRow } from '#kms/core/hash-algorithms.ts';
import type { HashAlgorithm } from '#kms/core/key-types.ts';
import { parseMaterial } from '#kms/core/material-file.ts';
import { joinBytes } from '#lib/bytes.ts';

/**
 * The wrapping of material on its way between owners, which PKCS#11 calls CKM_RSA_AES_KEY_WRAP:
 *
 * ```
 * RSA-OAEP(ephemeral AES-256 key), as long as the modulus ‖ AES-KWP(target)
 * ```
 */

/** Bits of the RSA key of a region under which callers wrap. */
export const wrappingModulusBits = 4096;

/** What the API tells of that key. */
export const wrappingAlgorithm = 'RSA_4096_OAEP_AES_256_KWP';

const ephemeralBytes = 32;
const kwpCipher = 'id-aes256-wrap-pad';
/** Source: RFC 5649 §3. */
const kwpIv = Uint8Array.of(0xa6, 0x59, 0x59, 0xa6);

/**
 * Wrap material for import: from PEM, from DER (PKCS#8, PKCS#1 or SEC 1), or from the raw octets of a symmetric key.
 *
 * @param publicKeyPem - the region's wrapping key.
 * @throws KmsError import-invalid
 */
export function wrapForImport(
  publicKeyPem: string,
  material: Uint8Array,
  oaepHash: HashAlgorithm = 'sha2-256',
): Uint8Array {
  const publicKey = parseWrappingKey(publicKeyPem);
  const target = parseMaterial(material);
  try {
    return wrapTarget(publicKey, target, oaepHash);
  } finally {
    target.fill(0);
  }
}

/** Wrap a target as it is. It stays the caller's to wipe. */
export function wrapTarget(publicKey: KeyObject, target: Uint8Array, oaepHash: HashAlgorithm): Uint8Array {
  const ephemeral = randomBytes(ephemeralBytes);
  try {
    const cipher = createCipheriv(kwpCipher, ephemeral, kwpIv);
    const sealedKey = publicEncrypt({ key: publicKey, ...oaep(oaepHash) }, ephemeral);
    return joinBytes(sealedKey, cipher.update(target), cipher.final());
  } finally {
    ephemeral.fill(0);
  }
}

/**
 * Open an import blob. Every fault has one message, so that the answer is no oracle for the RSA padding. The caller
 * wipes the answer.
 *
 * Source: RFC 5649 §4.2.
 *
 * @throws KmsError import-invalid
 */
export function unwrapTarget(privateKey: KeyObject, blob: Uint8Array, oaepHash: HashAlgorithm): Uint8Array {
  const modulusBytes = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const wrappedBytes = blob.length - modulusBytes;
  if (wrappedBytes < 16 || wrappedBytes % 8 !== 0) throw unopened();
  let ephemeral: Uint8Array | undefined;
  try {
    ephemeral = privateDecrypt({ key: privateKey, ...oaep(oaepHash) }, blob.subarray(0, modulusBytes));
    if (ephemeral.length !== ephemeralBytes) throw unopened();
    const decipher = createDecipheriv(kwpCipher, ephemeral, kwpIv);
    const target = decipher.update(blob.subarray(modulusBytes));
    decipher.final();
    return target;
  } catch {
    throw unopened();
  } finally {
    ephemeral?.fill(0);
  }
}

function parseWrappingKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch {
    throw new KmsError('import-invalid', 'the wrapping key is not a public key in PEM');
  }
  if (key.asymmetricKeyType === 'rsa') return key;
  throw new KmsError('import-invalid', `the wrapping key is of type ${key.asymmetricKeyType ?? 'unknown'}, not RSA`);
}

function oaep(hash: HashAlgorithm): { readonly padding: number; readonly oaepHash: string } {
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hashRow(hash).digest };
}

function unopened(): KmsError {
  return new KmsError(
    'import-invalid',
    'importKeyMaterial does not open: it must be RSA-OAEP(AES-256 key) ‖ AES-KWP(target) under the current wrapping key of this region, with hashFunction as the OAEP hash',
  );
}
