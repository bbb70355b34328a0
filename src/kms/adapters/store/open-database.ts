import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Database } from '#database/database.ts';
import { openSqliteDatabase } from '#database/sqlite.ts';
import { openKeyStore, type RowSealer } from '#kms/adapters/store/keys.ts';
import { openMaterialStore } from '#kms/adapters/store/material.ts';
import { openTenantStore } from '#kms/adapters/store/tenants.ts';
import { openWebhookStore } from '#kms/adapters/store/webhooks.ts';
import type { SecretText } from '#lib/secret-text.ts';

/** Where the keys are kept. */
export type DatabasePlace =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: SecretText };

const migrations = fileURLToPath(new URL('../migrations', import.meta.url));

/** File of the keys inside a data folder. */
export function keyFile(folder: string): string {
  return join(folder, 'kms.sqlite');
}

/** Open the database of the keys, and bring its tables up to date. @throws DatabaseError unavailable */
export async function openKeyDatabase(place: DatabasePlace, onError: (error: unknown) => void): Promise<Database> {
  if (place.kind === 'folder')
    return openSqliteDatabase(keyFile(place.path), join(migrations, 'sqlite'), { holdsSecrets: true });
  const { openPostgresDatabase } = await import('#database/postgres.ts');
  return openPostgresDatabase({ url: place.url, schema: 'kms', migrations: join(migrations, 'postgres'), onError });
}

/** Everything that is kept in it. @param sealer authenticates the rows of keys and credentials. */
export function composeStore(database: Database, sealer: RowSealer) {
  return {
    ...openMaterialStore(database),
    ...openKeyStore(database, sealer),
    ...openTenantStore(database, sealer),
    ...openWebhookStore(database),
  };
}
