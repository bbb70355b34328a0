import { Buffer } from 'node:buffer';
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { kekBytes, openMaterial, sealMaterial, type Kek } from '#kms/core/envelope.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { RootKey } from '#kms/ports/root-key.ts';
import { SecretBytes } from '#lib/secret-bytes.ts';

/**
 * Make a root key of 32 octets that are in this process. They are wiped. The id and the sealing key are both derived, so
 * that the id tells nothing of the key.
 */
export function localRootKey(secret: SecretBytes): RootKey {
  const source = createSecretKey(secret.bytes);
  secret.wipe();
  const id = Buffer.from(derive(source, 'zoneseal root key id', 8)).toString('hex');
  const bytes = derive(source, 'zoneseal root key sealing', kekBytes);
  let kek: Kek | undefined = { id, key: createSecretKey(bytes) };
  bytes.fill(0);
  return {
    id,
    wrap: async (key, context) => sealMaterial(opened(kek), key.bytes, context),
    unwrap: async (wrapped, context) => unwrap(opened(kek), wrapped, context),
    close() {
      kek = undefined;
    },
  };
}

function derive(source: KeyObject, purpose: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', source, '', purpose, length));
}

function opened(kek: Kek | undefined): Kek {
  if (kek === undefined) throw new KmsError('closed', 'the root key was used after it was closed');
  return kek;
}

function unwrap(kek: Kek, wrapped: Uint8Array, context: Uint8Array): SecretBytes {
  try {
    return new SecretBytes(openMaterial(kek, wrapped, context));
  } catch (cause) {
    throw new KmsError('root-key-wrong', `root key ${kek.id} does not open the stored key-encryption key`, { cause });
  }
}
