import { KmsError } from '#kms/core/errors.ts';
import type { MarshalingAlgorithm, SignatureAlgorithm } from '#kms/core/key-types.ts';
import { decodeBase64, encodeBase64 } from '#lib/encoding.ts';

/** How the octets of a tagged string are spelled: base64url is for signatures marshaled as `jws` only. */
export type TagEncoding = 'base64' | 'base64url';

export interface Tagged {
  /** The key version that made the value, from 1. */
  readonly version: number;
  readonly bytes: Uint8Array;
}

const tagShape = /^(?:thalassa|vault):v([1-9]\d{0,8}):([^]*)$/;
const versionShape = /^v?([1-9]\d{0,8})$/;
const base64urlShape = /^[A-Za-z0-9_-]+$/;

/** Compose `thalassa:v<version>:<base64>`, the form of every ciphertext, signature and HMAC. */
export function composeTagged(version: number, bytes: Uint8Array, encoding: TagEncoding = 'base64'): string {
  const text = encodeBase64(bytes);
  return `thalassa:v${version}:${encoding === 'base64' ? text : toBase64url(text)}`;
}

/**
 * Parse a tagged string; `vault:` is taken in place of `thalassa:`.
 *
 * @param field - the request's field, for the message.
 * @throws KmsError payload-invalid
 */
export function parseTagged(text: string, field: string, encoding: TagEncoding = 'base64'): Tagged {
  const [, version, body] = tagShape.exec(text) ?? [];
  if (version === undefined || body === undefined) {
    throw new KmsError('payload-invalid', `${field} must have the form thalassa:v<version>:<${encoding}>`);
  }
  const bytes = encoding === 'base64' ? decodeBase64(body) : decodeBase64url(body);
  if (bytes === undefined || bytes.length === 0) {
    const rule = encoding === 'base64' ? 'standard padded base64' : 'base64url without padding';
    throw new KmsError('payload-invalid', `${field} must carry ${rule} after its version`);
  }
  return { version: Number(version), bytes };
}

/** Return the encoding in which signatures of a marshaling travel. */
export function tagEncodingOf(marshaling: MarshalingAlgorithm | undefined): TagEncoding {
  return marshaling === 'jws' ? 'base64url' : 'base64';
}

/** Parse `1` or `v1`. @throws KmsError payload-invalid */
export function parseKeyVersion(text: string, field = 'keyVersion'): number {
  const version = versionShape.exec(text)?.[1];
  if (version === undefined) throw new KmsError('payload-invalid', `${field} must be a version number such as 1 or v1`);
  return Number(version);
}

/** Format a key version as it travels: a string of digits. */
export function formatKeyVersion(version: number): string {
  return String(version);
}

/** Parse standard padded base64 strictly. @throws KmsError payload-invalid */
export function parseBase64(text: string, field: string): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw new KmsError('payload-invalid', `${field} must be standard base64 with padding`);
  return bytes;
}

const signatureAlgorithms: readonly SignatureAlgorithm[] = ['pss', 'pkcs1v15'];
const marshalingAlgorithms: readonly MarshalingAlgorithm[] = ['asn1', 'p1363', 'jws'];

/** Parse an RSA signature scheme. @throws KmsError algorithm-invalid */
export function parseSignatureAlgorithm(text: string, field = 'signatureAlgorithm'): SignatureAlgorithm {
  return oneOf(signatureAlgorithms, text, field);
}

/** Parse an ECDSA signature encoding. @throws KmsError algorithm-invalid */
export function parseMarshalingAlgorithm(text: string, field = 'marshalingAlgorithm'): MarshalingAlgorithm {
  return oneOf(marshalingAlgorithms, text, field);
}

function oneOf<Name extends string>(names: readonly Name[], text: string, field: string): Name {
  const found = names.find((name) => name === text);
  if (found === undefined) throw new KmsError('algorithm-invalid', `${field} must be one of ${names.join(', ')}`);
  return found;
}

function toBase64url(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function decodeBase64url(text: string): Uint8Array | undefined {
  if (!base64urlShape.test(text)) return undefined;
  const padding = '='.repeat((4 - (text.length % 4)) % 4);
  return decodeBase64(text.replaceAll('-', '+').replaceAll('_', '/') + padding);
}
