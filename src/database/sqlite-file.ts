import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** Milliseconds that a statement waits for another process that writes. */
export const busyTimeout = 10_000;

/**
 * Open a SQLite file for data that must not be lost: readable by its owner alone, every commit on disk before it
 * returns.
 *
 * @param migrations folder of numbered SQL files; those not yet applied are, each in a transaction
 * @param options `holdsSecrets`: overwrite what is deleted; `cache`: KiB of pages that stay in memory, if not 2000
 * @throws Error when the file was written by a newer program
 */
export function openSqlite(
  path: string,
  migrations: string,
  { holdsSecrets = false, cache = 2000 } = {},
): DatabaseSync {
  if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600, flag: 'a' });
  chmodSync(path, 0o600);
  const database = new DatabaseSync(path, { timeout: busyTimeout, enableForeignKeyConstraints: true });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    database.exec(`PRAGMA secure_delete = ${holdsSecrets ? 'ON' : 'OFF'}`);
    database.exec(`PRAGMA cache_size = -${cache}`);
    migrate(database, migrations);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** Open a file that is there to read it as it is at this moment. */
export function openSqliteSnapshot(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeout, readOnly: true });
  try {
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM sqlite_schema').get(); // the first read is what the moment is told by
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

function migrate(database: DatabaseSync, folder: string): void {
  const files = readdirSync(folder)
    .filter((name) => /^\d{3}-.*\.sql$/.test(name))
    .toSorted();
  inTransaction(database, () => {
    const { user_version: applied } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (applied > files.length) {
      throw new Error(
        `the database has schema version ${applied}, this program knows ${files.length}: use a newer program`,
      );
    }
    for (const file of files.slice(applied)) database.exec(readFileSync(join(folder, file), 'utf8'));
    database.exec(`PRAGMA user_version = ${files.length}`);
  });
}

/**
 * Run `work` in a transaction that takes the write lock at once; anything thrown undoes it.
 *
 * @param prepare gives statements, which for those who have many transactions were prepared before
 */
export function inTransaction<Result>(
  database: DatabaseSync,
  work: () => Result,
  prepare = (sql: string): StatementSync => database.prepare(sql),
): Result {
  return withoutUnsynced(database, () => {
    prepare('BEGIN IMMEDIATE').run();
    try {
      const result = work();
      prepare('COMMIT').run();
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  });
}

/** SQLITE_IOERR_FSYNC. */
const syncFailed = 1034;

/**
 * Carry out `work`, which commits; when its sync fails, put a transaction that changes nothing over it. SQLite undoes
 * what it could not sync for this process, but leaves it whole behind the end of its log, where the next start after a
 * crash would find it and carry it out. What is acknowledged later needs no such care: it is written where the last synced
 * transaction ends, and synced itself.
 */
export function withoutUnsynced<Result>(database: DatabaseSync, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (isSyncFailure(error)) changeNothing(database);
    throw error;
  }
}

function changeNothing(database: DatabaseSync): void {
  try {
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    database.exec(`PRAGMA user_version = ${version}`);
  } catch (error) {
    if (!isSyncFailure(error)) throw error; // its sync fails as well, most likely, but it was written before that
  }
}

function isSyncFailure(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === syncFailed;
}
