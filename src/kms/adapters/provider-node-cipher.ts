import { Buffer } from 'node:buffer';
import {
  constants,
  createCipheriv,
  createDecipheriv,
  privateDecrypt,
  publicEncrypt,
  randomFillSync,
  type CipherGCM,
  type CipherGCMTypes,
  type DecipherGCM,
  type KeyObject,
} from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import type { KeyMaterial } from '#kms/core/key-material.ts';
import type { AeadKeyType, KeyTypeRow } from '#kms/core/key-types.ts';

/** Encrypts and decrypts one item after the other. Empty associated data is the same as none. */
export interface Cipher {
  encrypt(plaintext: Uint8Array, associatedData: Uint8Array): Uint8Array | KmsError;
  /** The caller wipes the plaintext. */
  decrypt(ciphertext: Uint8Array, associatedData: Uint8Array): Uint8Array | KmsError;
}

const nonceBytes = 12;
const tagBytes = 16;
const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;

export function makeCipher(row: KeyTypeRow, material: KeyMaterial): Cipher {
  if (row.family === 'aead' && material.kind === 'secret') return limited(row, makeAead(row, material.secret));
  if (row.family === 'rsa' && material.kind === 'pair') return limited(row, makeOaep(material));
  throw new KmsError('wrong-operation', `a key of type ${row.type} cannot encrypt`);
}

function limited(row: KeyTypeRow, cipher: Cipher): Cipher {
  const unusable = (associatedData: Uint8Array): KmsError | undefined =>
    row.associatedData || associatedData.length === 0
      ? undefined
      : new KmsError('payload-invalid', `a key of type ${row.type} takes no associatedData`);
  return {
    encrypt(plaintext, associatedData) {
      if (plaintext.length === 0 || plaintext.length > row.maxPlaintext) {
        const limits = `1 to ${row.maxPlaintext} octets`;
        return new KmsError('payload-invalid', `a key of type ${row.type} encrypts ${limits}, not ${plaintext.length}`);
      }
      return unusable(associatedData) ?? cipher.encrypt(plaintext, associatedData);
    },
    decrypt: (ciphertext, associatedData) => unusable(associatedData) ?? cipher.decrypt(ciphertext, associatedData),
  };
}

/**
 * Node's overloads know the ciphers by literal type; ChaCha20-Poly1305 has the calls of GCM. The tag length is always
 * named: without it Node takes shorter tags.
 */
function makeAead(row: AeadKeyType, key: KeyObject): Cipher {
  const name = row.cipher as CipherGCMTypes;
  const options = { authTagLength: tagBytes };
  return {
    encrypt(plaintext, associatedData) {
      const result = new Uint8Array(nonceBytes + plaintext.length + tagBytes);
      const nonce = randomFillSync(result.subarray(0, nonceBytes));
      const cipher: CipherGCM = createCipheriv(name, key, nonce, options);
      cipher.setAAD(associatedData, { plaintextLength: plaintext.length });
      result.set(cipher.update(plaintext), nonceBytes);
      cipher.final();
      result.set(cipher.getAuthTag(), result.length - tagBytes);
      return result;
    },
    decrypt(ciphertext, associatedData) {
      if (ciphertext.length < nonceBytes + tagBytes) return undecryptable();
      const decipher: DecipherGCM = createDecipheriv(name, key, ciphertext.subarray(0, nonceBytes), options);
      const body = ciphertext.subarray(nonceBytes, -tagBytes);
      decipher.setAAD(associatedData, { plaintextLength: body.length });
      decipher.setAuthTag(ciphertext.subarray(-tagBytes));
      const plaintext = decipher.update(body);
      try {
        decipher.final();
        return plaintext;
      } catch {
        plaintext.fill(0);
        return undecryptable();
      }
    },
  };
}

function makeOaep({ privateKey, publicKey }: Extract<KeyMaterial, { kind: 'pair' }>): Cipher {
  const modulusBytes = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  return {
    encrypt: (plaintext) => publicEncrypt({ key: publicKey, ...oaep }, plaintext),
    decrypt(ciphertext) {
      if (ciphertext.length !== modulusBytes) return undecryptable();
      try {
        return privateDecrypt({ key: privateKey, ...oaep }, Buffer.from(ciphertext));
      } catch {
        return undecryptable();
      }
    },
  };
}

/** One message for every fault: it is no oracle. */
function undecryptable(): KmsError {
  return new KmsError(
    'decryption-failed',
    'the ciphertext does not decrypt: it or its associatedData was changed, or another key made it',
  );
}
