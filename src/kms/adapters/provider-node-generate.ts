import { createSecretKey, generateKeyPair, randomBytes, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { KeyMaterial } from '#kms/core/key-material.ts';
import type { KeyTypeRow } from '#kms/core/key-types.ts';

const makePair = promisify(generateKeyPair);

/** Make the material of a type. Pairs are made on the thread pool, so that a slow RSA key holds up no signature. */
export async function generateMaterial(row: KeyTypeRow): Promise<KeyMaterial> {
  switch (row.family) {
    case 'aead':
    case 'hmac': {
      const bytes = randomBytes(row.keyBytes);
      const secret = createSecretKey(bytes);
      bytes.fill(0);
      return { kind: 'secret', secret };
    }
    case 'rsa':
      return { kind: 'pair', ...(await generateRsaPair(row.modulusBits)) };
    case 'ecdsa':
      return { kind: 'pair', ...(await makePair('ec', { namedCurve: row.curve })) };
    default:
      return { kind: 'pair', ...(await makePair('ed25519')) };
  }
}

/** Make an RSA key with the exponent 65537. */
export async function generateRsaPair(
  modulusLength: number,
): Promise<{ readonly privateKey: KeyObject; readonly publicKey: KeyObject }> {
  return makePair('rsa', { modulusLength, publicExponent: 65_537 });
}
