import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
  type KeyObject,
} from 'node:crypto';
import { isOneElement } from '#kms/core/der.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { AeadKeyType, HmacKeyType, KeyTypeRow } from '#kms/core/key-types.ts';
import { assertSoundRsa, remakeEcKey } from '#kms/core/sound-keys.ts';
import { bufferView } from '#lib/bytes.ts';

/** The material of a key version, ready for use: a secret, or a private key with its public one. */
export type KeyMaterial =
  | { readonly kind: 'secret'; readonly secret: KeyObject }
  | { readonly kind: 'pair'; readonly privateKey: KeyObject; readonly publicKey: KeyObject };

export type SymmetricRow = AeadKeyType | HmacKeyType;
export type AsymmetricRow = Exclude<KeyTypeRow, SymmetricRow>;

/** Tell symmetric types, whose material is raw octets, from those whose material is PKCS#8. */
export function isSymmetric(row: KeyTypeRow): row is SymmetricRow {
  return row.family === 'aead' || row.family === 'hmac';
}

/**
 * Load material that this service made or checked before: raw octets, or PKCS#8 in DER. The octets stay the caller's
 * to wipe.
 */
export function loadMaterial(row: KeyTypeRow, material: Uint8Array): KeyMaterial {
  if (isSymmetric(row)) return { kind: 'secret', secret: createSecretKey(material) };
  const privateKey = loadPrivateKey(material);
  return { kind: 'pair', privateKey, publicKey: createPublicKey(privateKey) };
}

function loadPrivateKey(material: Uint8Array): KeyObject {
  return createPrivateKey({ key: bufferView(material), format: 'der', type: 'pkcs8' });
}

/** Encode material the way it is wrapped, imported and exported. The caller wipes the answer. */
export function encodeMaterial(material: KeyMaterial): Uint8Array {
  return material.kind === 'secret'
    ? material.secret.export()
    : material.privateKey.export({ format: 'der', type: 'pkcs8' });
}

/** Encode the public key as SubjectPublicKeyInfo in DER; undefined for a secret. */
export function encodePublicKey(material: KeyMaterial): Uint8Array | undefined {
  return material.kind === 'secret' ? undefined : material.publicKey.export({ format: 'der', type: 'spki' });
}

/**
 * Load material from outside and make sure that it is a sound key of the type: length, algorithm, curve or modulus, and
 * that what the private key signs verifies with the public one.
 *
 * @throws KmsError import-invalid, wrong-operation (the type takes no import)
 */
export function checkImport(row: KeyTypeRow, material: Uint8Array): KeyMaterial {
  if (!row.importable) {
    throw new KmsError('wrong-operation', `keys of type ${row.type} are made here and cannot be imported`);
  }
  if (isSymmetric(row)) {
    if (material.length === row.keyBytes) return loadMaterial(row, material);
    throw invalid(`a key of type ${row.type} is ${row.keyBytes} raw octets, this one has ${material.length}`);
  }
  const loaded = loadForeign(row, material);
  const privateKey = soundKey(row, loaded);
  const publicKey = createPublicKey(privateKey);
  assertConsistent(row, privateKey, publicKey);
  return { kind: 'pair', privateKey, publicKey };
}

function loadForeign(row: AsymmetricRow, material: Uint8Array): KeyObject {
  // OpenSSL takes octets after the structure; nothing that we do not look at is stored.
  if (!isOneElement(material, 0x30)) throw invalid(`a key of type ${row.type} is one PKCS#8 structure in DER`);
  try {
    return loadPrivateKey(material);
  } catch {
    throw invalid(`the material is not a PKCS#8 private key in DER, or not a sound one`);
  }
}

/** Return the key as it is to be kept, if it is one of the type. */
function soundKey(row: AsymmetricRow, key: KeyObject): KeyObject {
  const found = key.asymmetricKeyType ?? 'unknown';
  const details = key.asymmetricKeyDetails ?? {};
  switch (row.family) {
    case 'ed25519':
      if (found !== 'ed25519') throw invalid(`the material is a key of type ${found}, not Ed25519`);
      return key;
    case 'ecdsa':
      if (found !== 'ec') throw invalid(`the material is a key of type ${found}, not an elliptic curve key`);
      if (details.namedCurve !== row.curve) {
        throw invalid(`the material is on the curve ${details.namedCurve ?? 'of its own'}, not ${row.curve}`);
      }
      return remakeEcKey(row, key);
    default:
      if (found !== 'rsa') throw invalid(`the material is a key of type ${found}, not RSA`);
      if (details.modulusLength !== row.modulusBits) {
        throw invalid(`the modulus has ${details.modulusLength ?? 0} bits, not ${row.modulusBits}`);
      }
      assertSoundRsa(row, key);
      return key;
  }
}

/** Two messages, so that a key that signs right by chance in one of its halves does not pass. */
function assertConsistent(row: AsymmetricRow, privateKey: KeyObject, publicKey: KeyObject): void {
  const digest = row.family === 'ed25519' ? null : 'sha256';
  for (const message of [randomBytes(32), randomBytes(32)]) {
    let matches: boolean;
    try {
      matches = verify(digest, message, publicKey, sign(digest, message, privateKey));
    } catch {
      matches = false;
    }
    if (!matches) throw invalid('the private key does not match its public key');
  }
}

/** Compare two runs of octets without telling by time where they differ; the lengths are no secret. */
export function equalInConstantTime(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function invalid(message: string): KmsError {
  return new KmsError('import-invalid', message);
}
