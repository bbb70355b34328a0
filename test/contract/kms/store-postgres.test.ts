import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { openAuditLog } from '#kms/adapters/audit/open-audit-log.ts';
import { openKeyDatabase } from '#kms/adapters/store/open-database.ts';
import { SecretText } from '#lib/secret-text.ts';
import { auditLogContract } from '#test/contract/kms/audit-log.ts';
import { keyStoreContract } from '#test/contract/kms/key-store.ts';
import { dropSchema, openBehind } from '#test/support/postgres-schemas.ts';
import { describeWith } from '#test/support/requirements.ts';
import { type PrivateDatabase, startPostgres } from '#test/support/servers.ts';

const auditMigrations = fileURLToPath(new URL('../../../src/kms/adapters/audit-migrations/postgres', import.meta.url));

describeWith(['postgres', 'initdb'], 'keys and audit log on PostgreSQL', () => {
  let server: PrivateDatabase;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());
  const place = () => ({ kind: 'postgres', url: new SecretText(server.url) }) as const;

  keyStoreContract('PostgreSQL', async () => ({
    open: () => openKeyDatabase(place(), () => undefined),
    [Symbol.asyncDispose]: () => dropSchema(server.url, 'kms'),
  }));

  auditLogContract('PostgreSQL', async () => ({
    open: () => openAuditLog(place(), { sealKey: new Uint8Array(32).fill(9), thread: false, onError: () => undefined }),
    database: () => openBehind(server.url, 'kms_audit', auditMigrations),
    [Symbol.asyncDispose]: () => dropSchema(server.url, 'kms_audit'),
  }));
});
