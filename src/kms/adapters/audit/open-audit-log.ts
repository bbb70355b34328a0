import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSqliteDatabase } from '#database/sqlite.ts';
import { AuditTable } from '#kms/adapters/audit/audit-table.ts';
import { startAuditWorker } from '#kms/adapters/audit/audit-thread.ts';
import { GroupCommit } from '#kms/adapters/audit/group-commit.ts';
import type { DatabasePlace } from '#kms/adapters/store/open-database.ts';
import { type AuditEvent, composeAuditBody } from '#kms/core/audit-event.ts';
import type { AuditLog } from '#kms/ports/audit-log.ts';

const migrations = fileURLToPath(new URL('../audit-migrations', import.meta.url));

/** File of the audit log inside a data folder. */
export function auditFile(folder: string): string {
  return join(folder, 'audit.sqlite');
}

/** Everything that an audit log does but wait for company. */
export type AuditWriter = Pick<AuditTable, 'append' | 'list' | 'verify' | 'close'>;

export interface AuditLogOptions {
  /** Authenticates the end of the log. */
  readonly sealKey: Uint8Array;
  /** Whether SQLite may have a thread of its own. */
  readonly thread: boolean;
  readonly onError: (error: unknown) => void;
}

/** Open the audit log beside the keys. @throws DatabaseError unavailable */
export async function openAuditLog(place: DatabasePlace, options: AuditLogOptions): Promise<AuditLog> {
  return groupedAuditLog(await openWriter(place, options));
}

async function openWriter(place: DatabasePlace, { sealKey, thread, onError }: AuditLogOptions): Promise<AuditWriter> {
  if (place.kind === 'postgres') {
    const { openPostgresDatabase } = await import('#database/postgres.ts');
    const folder = join(migrations, 'postgres');
    const database = await openPostgresDatabase({
      url: place.url,
      schema: 'kms_audit',
      migrations: folder,
      connections: 3,
      onError,
    });
    return new AuditTable(database, sealKey);
  }
  const setup = { path: auditFile(place.path), migrations: join(migrations, 'sqlite'), sealKey };
  return thread ? startAuditWorker(setup) : new AuditTable(openSqliteDatabase(setup.path, setup.migrations), sealKey);
}

/** Gather the events of a writer into groups. */
export function groupedAuditLog(writer: AuditWriter): AuditLog {
  const commits = new GroupCommit<string>((bodies) => writer.append(bodies));
  const begin = (event: AuditEvent) => commits.add(composeAuditBody(event));
  return {
    begin,
    append: async (event) => (await begin(event)).durable,
    list: (filter, after, limit) => writer.list(filter, after, limit),
    verify: (from, limit) => writer.verify(from, limit),
    close: () => writer.close(),
  };
}
