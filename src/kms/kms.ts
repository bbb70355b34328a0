import { join } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import { decodeBase64, encodeBase64 } from '#lib/encoding.ts';
import { makeKek, openKeks } from '#kms/adapters/key-encryption-keys.ts';
import { openNodeProvider } from '#kms/adapters/provider-node.ts';
import { openRootKeyEnvironment } from '#kms/adapters/root-key-environment.ts';
import { openRootKeyFile } from '#kms/adapters/root-key-file.ts';
import { makePassphraseParameters, openRootKeyPassphrase } from '#kms/adapters/root-key-passphrase.ts';
import { openSqliteStore } from '#kms/adapters/store-sqlite.ts';
import { slugOf } from '#kms/core/slug.ts';
import { hashOfToken } from '#kms/operations/authenticate.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { rotateDueKeys } from '#kms/operations/rotate-due-keys.ts';
import type { KeyStore } from '#kms/ports/key-store.ts';
import type { RootKey } from '#kms/ports/root-key.ts';

export interface KmsOptions {
  /** Folder of the key store. */
  readonly dataDirectory: string;
  readonly rootKey: RootKeySource;
  readonly clock: Clock;
  /** Exists from the first start, with KMS enabled. */
  readonly organisation: string;
  /** Regions with KMS. */
  readonly regions: readonly string[];
  /** Token that may do everything in any organisation and project. */
  readonly adminToken: string;
  /** Threads that sign; 0 for the calling one. Default: one for each core. */
  readonly workers?: number;
  /** Told of failures of what runs by itself. */
  readonly onError: (error: unknown, what: string) => void;
}

export type RootKeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment' | 'passphrase'; readonly variable: string };

export interface Kms {
  readonly ports: KmsPorts;
  close(): Promise<void>;
}

/** Between two looks for keys whose automatic rotation is due, in milliseconds. */
const rotationInterval = 15 * 60_000;

/**
 * Open the KMS: store, root key, cryptography. The composition root of the module.
 *
 * @throws KmsError root-key-missing, root-key-invalid, root-key-wrong
 */
export async function openKms(options: KmsOptions): Promise<Kms> {
  const store = openSqliteStore(join(options.dataDirectory, 'kms.sqlite'));
  try {
    const keks = await store.listKeks();
    const rootKey = await openRootKey(options, store, keks.length === 0);
    const stored = keks.length === 0 ? [await store.insertFirstKek(await makeKek(rootKey, 1))] : keks;
    const provider = openNodeProvider({
      keks: await openKeks(rootKey, stored),
      ...(options.workers === undefined ? {} : { workers: options.workers }),
    });
    rootKey.close();
    await putTenants(store, options);
    const ports = { store, provider, clock: options.clock };
    const timer = setInterval(() => {
      rotateDueKeys(ports).catch((error: unknown) => options.onError(error, 'automatic rotation'));
    }, rotationInterval);
    return {
      ports,
      async close() {
        clearInterval(timer);
        await provider.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openRootKey({ rootKey }: KmsOptions, store: KeyStore, mayCreate: boolean): Promise<RootKey> {
  if (rootKey.kind === 'file') return openRootKeyFile(rootKey.path, { create: mayCreate });
  if (rootKey.kind === 'environment') return openRootKeyEnvironment(rootKey.variable);
  const { [rootKey.variable]: passphrase = '' } = process.env;
  delete process.env[rootKey.variable];
  const { salt, ...costs } = makePassphraseParameters();
  const kept = await store.keepFirstSetting(
    'passphrase-parameters',
    JSON.stringify({ ...costs, salt: encodeBase64(salt) }),
  );
  const parameters = JSON.parse(kept) as typeof costs & { salt: string };
  return openRootKeyPassphrase(passphrase, { ...parameters, salt: decodeBase64(parameters.salt) ?? new Uint8Array() });
}

/** Make what the settings say should exist. */
async function putTenants(store: KeyStore, { organisation, regions, adminToken, clock }: KmsOptions): Promise<void> {
  if ((await store.findOrganisation(organisation)) === undefined) {
    await store.putOrganisation({
      identity: organisation,
      name: organisation,
      slug: slugOf(organisation),
      kmsEnabled: true,
    });
  }
  for (const region of regions)
    await store.putRegion({ identity: region, name: region, slug: slugOf(region), kmsAvailable: true });
  const principal = { identity: 'admin', policies: ['kms:FullAccess'] as const };
  await store.putToken({ principal, name: 'admin', hash: hashOfToken(adminToken), createdAt: clock.now() });
}
