import { createPrivateKey, type PrivateKeyInput } from 'node:crypto';
import { decodeBindKey, isBindKey } from '#kms/core/bind-private-key.ts';
import { isOneElement } from '#kms/core/der.ts';
import { KmsError } from '#kms/core/errors.ts';
import { bufferView } from '#lib/bytes.ts';

const pemStart = '-----BEGIN ';
const rawLengths: ReadonlySet<number> = new Set([16, 32]);

/**
 * Turn a key as its owner keeps it into a target for import: a private key in PEM or DER (PKCS#8, PKCS#1, SEC 1) or as
 * BIND keeps it becomes PKCS#8 in DER; 16 or 32 octets of anything else are a symmetric key and stay. The caller wipes the
 * answer and the argument.
 *
 * @throws KmsError import-invalid
 */
export function parseMaterial(material: Uint8Array): Uint8Array {
  if (holdsPem(material)) return toPkcs8({ key: bufferView(material), format: 'pem' });
  if (isBindKey(material)) return bindKeyToPkcs8(material);
  if (isOneElement(material, 0x30)) {
    const key = bufferView(material);
    for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
      const target = tryPkcs8({ key, format: 'der', type });
      if (target !== undefined) return target;
    }
  }
  if (rawLengths.has(material.length)) return Uint8Array.from(material);
  throw unreadable();
}

function bindKeyToPkcs8(file: Uint8Array): Uint8Array {
  const { type, der } = decodeBindKey(file);
  try {
    return toPkcs8({ key: bufferView(der), format: 'der', type });
  } finally {
    der.fill(0);
  }
}

function toPkcs8(source: PrivateKeyInput): Uint8Array {
  const target = tryPkcs8(source);
  if (target === undefined) throw unreadable();
  return target;
}

function tryPkcs8(source: PrivateKeyInput): Uint8Array | undefined {
  try {
    return createPrivateKey(source).export({ format: 'der', type: 'pkcs8' });
  } catch {
    return undefined; // OpenSSL's reason may quote the input
  }
}

/** Looked for in the octets: key material never becomes a string. Text may stand before it. */
function holdsPem(material: Uint8Array): boolean {
  return bufferView(material).includes(pemStart);
}

function unreadable(): KmsError {
  return new KmsError(
    'import-invalid',
    'the material must be a private key without a passphrase in PEM or DER (PKCS#8, PKCS#1 or SEC 1) or as BIND keeps it, or 16 or 32 raw octets of a symmetric key',
  );
}
