import { createCipheriv, createDecipheriv, randomFillSync, type KeyObject } from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import type { KeyType } from '#kms/core/key-types.ts';
import { joinBytes, utf8Bytes } from '#lib/bytes.ts';
import { decodeHex, encodeHex } from '#lib/encoding.ts';

/**
 * The envelope around key material: AES-256-GCM under a key-encryption key (KEK).
 *
 * ```
 * format (1 octet, 1) ‖ id of the KEK (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
 * ```
 *
 * The associated data is the format, the id and the context, so that a blob opens only where it belongs.
 */
const format = 1;
const idBytes = 8;
const nonceBytes = 12;
const tagBytes = 16;
const headerBytes = 1 + idBytes;
const overhead = headerBytes + nonceBytes + tagBytes;

/** Octets of a key-encryption key, and of a root key. */
export const kekBytes = 32;

/** A key-encryption key that is ready for use. */
export interface Kek {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly key: KeyObject;
}

export interface MaterialContext {
  readonly organisation: string;
  readonly region: string;
  readonly project?: string | undefined;
  readonly key: string;
  readonly version: number;
  readonly keyType: KeyType;
}

/** Compose what binds material to its place: each part with its length before it, so that no two places look alike. */
export function composeMaterialContext(context: MaterialContext): Uint8Array {
  const { organisation, region, project, key, version, keyType } = context;
  return composeContext('key version', organisation, region, project, key, String(version), keyType);
}

/** Compose what binds the wrapping key of a region to that region. */
export function composeWrappingKeyContext(region: string): Uint8Array {
  return composeContext('wrapping key', region);
}

/**
 * Compose an unambiguous run of octets from texts: for each a presence octet, its length as 32 bits, and its UTF-8.
 * An absent part differs from an empty one.
 */
export function composeContext(...parts: readonly (string | undefined)[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const part of parts) {
    if (part === undefined) {
      pieces.push(Uint8Array.of(0));
      continue;
    }
    // A lone surrogate becomes U+FFFD in UTF-8, which would make two names one.
    if (!part.isWellFormed()) throw new KmsError('internal', 'a name that is bound to key material is not well formed');
    const text = utf8Bytes(part);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, text.length);
    pieces.push(Uint8Array.of(1), length, text);
  }
  return joinBytes(...pieces);
}

/** Wrap material under a KEK. The material stays the caller's to wipe. */
export function sealMaterial(kek: Kek, material: Uint8Array, context: Uint8Array): Uint8Array {
  const blob = new Uint8Array(overhead + material.length);
  blob[0] = format;
  blob.set(idOctets(kek), 1);
  const nonce = randomFillSync(blob.subarray(headerBytes, headerBytes + nonceBytes));
  const cipher = createCipheriv('aes-256-gcm', kek.key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(joinBytes(blob.subarray(0, headerBytes), context));
  blob.set(cipher.update(material), headerBytes + nonceBytes);
  cipher.final();
  blob.set(cipher.getAuthTag(), blob.length - tagBytes);
  return blob;
}

/**
 * Open what `sealMaterial` made. The caller wipes the answer.
 *
 * @throws KmsError material-damaged
 */
export function openMaterial(kek: Kek, blob: Uint8Array, context: Uint8Array): Uint8Array {
  if (kekIdOf(blob) !== kek.id) throw damaged('it is sealed under another key-encryption key');
  const nonce = blob.subarray(headerBytes, headerBytes + nonceBytes);
  const decipher = createDecipheriv('aes-256-gcm', kek.key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(joinBytes(blob.subarray(0, headerBytes), context));
  decipher.setAuthTag(blob.subarray(-tagBytes));
  const material = decipher.update(blob.subarray(headerBytes + nonceBytes, -tagBytes));
  try {
    decipher.final();
  } catch (cause) {
    material.fill(0);
    throw damaged('it was changed, or belongs to another key, version, type or scope', cause);
  }
  return material;
}

/** Return the id of the KEK that a blob is sealed under. @throws KmsError material-damaged */
export function kekIdOf(blob: Uint8Array): string {
  if (blob[0] !== format || blob.length <= overhead) throw damaged('it has not the form of a sealed key');
  return encodeHex(blob.subarray(1, headerBytes));
}

function idOctets({ id }: Kek): Uint8Array {
  const octets = decodeHex(id);
  if (octets?.length === idBytes) return octets;
  throw new KmsError('internal', 'the id of a key-encryption key is not 16 hexadecimal digits');
}

function damaged(why: string, cause?: unknown): KmsError {
  return new KmsError('material-damaged', `stored key material does not open: ${why}`, { cause });
}
