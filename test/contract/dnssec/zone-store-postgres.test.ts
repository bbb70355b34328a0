import { afterAll, beforeAll } from 'vitest';
import { openZoneDatabase } from '#dnssec/zones.ts';
import { SecretText } from '#lib/secret-text.ts';
import { zoneStoreContract } from '#test/contract/dnssec/zone-store.ts';
import { dropSchema } from '#test/support/postgres-schemas.ts';
import { describeWith } from '#test/support/requirements.ts';
import { type PrivateDatabase, startPostgres } from '#test/support/servers.ts';

describeWith(['postgres', 'initdb'], 'the zone store on PostgreSQL', () => {
  let server: PrivateDatabase;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  zoneStoreContract('PostgreSQL', async () => ({
    open: () => openZoneDatabase({ kind: 'postgres', url: new SecretText(server.url) }, () => undefined),
    [Symbol.asyncDispose]: () => dropSchema(server.url, 'zones'),
  }));
});
