import { afterAll, beforeAll } from 'vitest';
import { openKeyDatabase } from '#kms/adapters/store/open-database.ts';
import { openPostgresDatabase } from '#database/postgres.ts';
import { SecretText } from '#lib/secret-text.ts';
import { keyStoreContract } from '#test/contract/kms/key-store.ts';
import { describeWith } from '#test/support/requirements.ts';
import { type PrivateDatabase, startPostgres } from '#test/support/servers.ts';

describeWith(['postgres', 'initdb'], 'the key store on PostgreSQL', () => {
  let server: PrivateDatabase;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  keyStoreContract('PostgreSQL', async () => ({
    open: () => openKeyDatabase({ kind: 'postgres', url: new SecretText(server.url) }, () => undefined),
    async [Symbol.asyncDispose]() {
      const database = await openPostgresDatabase({
        url: new SecretText(server.url),
        schema: 'public',
        migrations: new URL('../../support', import.meta.url).pathname,
        onError: () => undefined,
      });
      await database.rows('DROP SCHEMA kms CASCADE');
      await database.close();
    },
  }));
});
