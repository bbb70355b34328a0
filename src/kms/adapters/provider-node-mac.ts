import { createHmac } from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import { chooseHash, hashRow } from '#kms/core/hash-algorithms.ts';
import { equalInConstantTime, type KeyMaterial } from '#kms/core/key-material.ts';
import type { HashAlgorithm, KeyTypeRow } from '#kms/core/key-types.ts';

export interface Authenticator {
  hmac(input: Uint8Array): Uint8Array;
  /** A shortened HMAC does not match. */
  verify(input: Uint8Array, hmac: Uint8Array): boolean;
}

/** @throws KmsError hash-invalid, wrong-operation */
export function makeAuthenticator(
  row: KeyTypeRow,
  material: KeyMaterial,
  asked: HashAlgorithm | undefined,
): Authenticator {
  const hash = chooseHash(row, asked);
  if (row.family !== 'hmac' || material.kind !== 'secret' || hash === undefined) {
    throw new KmsError('wrong-operation', `a key of type ${row.type} cannot make an HMAC`);
  }
  const { secret } = material;
  const { digest } = hashRow(hash);
  const hmac = (input: Uint8Array): Uint8Array => createHmac(digest, secret).update(input).digest();
  return { hmac, verify: (input, made) => equalInConstantTime(hmac(input), made) };
}
