import { fileURLToPath } from 'node:url';
import type { Database } from '#database/database.ts';
import { openPostgresDatabase } from '#database/postgres.ts';
import { SecretText } from '#lib/secret-text.ts';

/** A folder without migrations. */
const none = fileURLToPath(new URL('.', import.meta.url));

/** Reach a schema behind the back of the service. @param migrations those of the service, which know its tables. */
export function openBehind(url: string, schema: string, migrations = none): Promise<Database> {
  return openPostgresDatabase({ url: new SecretText(url), schema, migrations, onError: () => undefined });
}

/** Remove a schema with all that is in it. */
export async function dropSchema(url: string, schema: string): Promise<void> {
  const database = await openBehind(url, 'public');
  await database.rows(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await database.close();
}
