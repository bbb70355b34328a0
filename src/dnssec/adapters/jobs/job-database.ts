import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Database } from '#database/database.ts';
import { openPostgresDatabase } from '#database/postgres.ts';
import { openSqliteDatabase } from '#database/sqlite.ts';
import type { SecretText } from '#lib/secret-text.ts';

/** Where the zones are, and beside them what must be known of their jobs. */
export type JobPlace =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: SecretText };

const migrations = fileURLToPath(new URL('migrations', import.meta.url));

/** Open the tables of the jobs. @throws DatabaseError unavailable */
export async function openJobDatabase(place: JobPlace, onError: (error: unknown) => void): Promise<Database> {
  if (place.kind === 'folder') return openSqliteDatabase(join(place.path, 'jobs.sqlite'), join(migrations, 'sqlite'));
  return openPostgresDatabase({ url: place.url, schema: 'jobs', migrations: join(migrations, 'postgres'), onError });
}
