import { afterAll, beforeAll } from 'vitest';
import { openJobDatabase } from '#dnssec/adapters/jobs/job-database.ts';
import { openQueue } from '#dnssec/adapters/jobs/open-queue.ts';
import { SecretText } from '#lib/secret-text.ts';
import { jobQueueContract } from '#test/contract/dnssec/job-queue.ts';
import { dropSchema } from '#test/support/postgres-schemas.ts';
import { describeWith } from '#test/support/requirements.ts';
import { type PrivateDatabase, startPostgres } from '#test/support/servers.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

jobQueueContract('embedded in SQLite', async () => {
  const dir = makeTempDir();
  const place = { kind: 'folder', path: dir.path } as const;
  return {
    open: (settings) => openQueue({ ...settings, place }),
    openDatabase: () => openJobDatabase(place, () => undefined),
    [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
  };
});

describeWith(['postgres', 'initdb'], 'the queue on PostgreSQL', () => {
  let server: PrivateDatabase;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  jobQueueContract('embedded in PostgreSQL', async () => {
    const place = { kind: 'postgres', url: new SecretText(server.url) } as const;
    return {
      open: (settings) => openQueue({ ...settings, place }),
      openDatabase: () => openJobDatabase(place, () => undefined),
      [Symbol.asyncDispose]: () => dropSchema(server.url, 'jobs'),
    };
  });
});
