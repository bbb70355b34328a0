import { openRootKeyEnvironment } from '#kms/adapters/root-key-environment.ts';
import { openRootKeyFile } from '#kms/adapters/root-key-file.ts';
import { makePassphraseParameters, openRootKeyPassphrase } from '#kms/adapters/root-key-passphrase.ts';
import type { MaterialStore } from '#kms/ports/material-store.ts';
import type { RootKey } from '#kms/ports/root-key.ts';
import { decodeBase64, encodeBase64 } from '#lib/encoding.ts';

/** Where the root key comes from. */
export type RootKeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment' | 'passphrase'; readonly variable: string };

/**
 * Open the root key wherever it is.
 *
 * @param mayCreate nothing is stored yet, so that a missing file may be made
 * @throws KmsError root-key-missing, root-key-invalid
 */
export async function openRootKey(source: RootKeySource, store: MaterialStore, mayCreate: boolean): Promise<RootKey> {
  if (source.kind === 'file') return openRootKeyFile(source.path, { create: mayCreate });
  if (source.kind === 'environment') return openRootKeyEnvironment(source.variable);
  const { [source.variable]: passphrase = '' } = process.env;
  delete process.env[source.variable];
  const { salt, ...costs } = makePassphraseParameters();
  const text = JSON.stringify({ ...costs, salt: encodeBase64(salt) });
  const kept = await store.keepFirstSetting('passphrase-parameters', text);
  const parameters = JSON.parse(kept) as typeof costs & { salt: string };
  return openRootKeyPassphrase(passphrase, { ...parameters, salt: decodeBase64(parameters.salt) ?? new Uint8Array() });
}
