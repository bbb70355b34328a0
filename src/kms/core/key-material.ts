import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
  type KeyObject,
} from 'node:crypto';
import { isOneElement, scalarOfSec1 } from '#kms/core/der.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { AeadKeyType, HmacKeyType, KeyTypeRow } from '#kms/core/key-types.ts';
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
  const privateKey = createPrivateKey({ key: bufferView(material), format: 'der', type: 'pkcs8' });
  return { kind: 'pair', privateKey, publicKey: createPublicKey(privateKey) };
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
  const pair = loadForeign(row, material);
  assertShape(row, pair.privateKey);
  assertConsistent(row, pair.privateKey, pair.publicKey);
  return pair;
}

type Pair = Extract<KeyMaterial, { kind: 'pair' }>;

function loadForeign(row: AsymmetricRow, material: Uint8Array): Pair {
  // OpenSSL takes octets after the structure; nothing that we do not look at is stored.
  if (!isOneElement(material, 0x30)) throw invalid(`a key of type ${row.type} is one PKCS#8 structure in DER`);
  let loaded: KeyMaterial;
  try {
    loaded = loadMaterial(row, material);
  } catch {
    throw invalid(`the material is not a PKCS#8 private key in DER, or not a sound one`);
  }
  if (loaded.kind === 'secret') throw new KmsError('internal', 'asymmetric material was loaded as a secret');
  return loaded;
}

function assertShape(row: AsymmetricRow, key: KeyObject): void {
  const found = key.asymmetricKeyType ?? 'unknown';
  const details = key.asymmetricKeyDetails ?? {};
  switch (row.family) {
    case 'ed25519':
      if (found !== 'ed25519') throw invalid(`the material is a key of type ${found}, not Ed25519`);
      return;
    case 'ecdsa':
      if (found !== 'ec') throw invalid(`the material is a key of type ${found}, not an elliptic curve key`);
      if (details.namedCurve !== row.curve) {
        throw invalid(`the material is on the curve ${details.namedCurve ?? 'of its own'}, not ${row.curve}`);
      }
      assertScalar(row.curve, key);
      return;
    case 'rsa': {
      if (found !== 'rsa') throw invalid(`the material is a key of type ${found}, not RSA`);
      if (details.modulusLength !== row.modulusBits) {
        throw invalid(`the modulus has ${details.modulusLength ?? 0} bits, not ${row.modulusBits}`);
      }
      const exponent = details.publicExponent ?? 0n;
      if (exponent < 65_537n || exponent % 2n === 0n)
        throw invalid('the public exponent must be odd and at least 65537');
    }
  }
}

/**
 * OpenSSL loads a scalar of zero, whose public key is the point at infinity: what it signs verifies, and so does what
 * anybody signs. Node's ECDH takes only scalars from 1 to the order less 1.
 */
function assertScalar(curve: string, key: KeyObject): void {
  const der = key.export({ format: 'der', type: 'sec1' });
  try {
    createECDH(curve).setPrivateKey(scalarOfSec1(der) ?? new Uint8Array());
  } catch {
    throw invalid(`the private scalar is not one of the curve ${curve}`);
  } finally {
    der.fill(0);
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
