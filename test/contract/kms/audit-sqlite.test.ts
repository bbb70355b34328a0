import { openSqliteDatabase } from '#database/sqlite.ts';
import { auditFile, openAuditLog } from '#kms/adapters/audit/open-audit-log.ts';
import { auditLogContract } from '#test/contract/kms/audit-log.ts';
import { makeTempDir } from '#test/support/temp-dir.ts';

for (const thread of [true, false]) {
  auditLogContract(thread ? 'SQLite, in a thread of its own' : 'SQLite, on the calling thread', async () => {
    const dir = makeTempDir();
    const place = { kind: 'folder', path: dir.path } as const;
    const sealKey = new Uint8Array(32).fill(9);
    return {
      open: () => openAuditLog(place, { sealKey, thread, onError: () => undefined }),
      database: () => openBehind(dir.path),
      [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
    };
  });
}

async function openBehind(folder: string) {
  const migrations = new URL('../../../src/kms/adapters/audit-migrations/sqlite', import.meta.url).pathname;
  return openSqliteDatabase(auditFile(folder), migrations);
}
