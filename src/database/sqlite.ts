import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  type Database,
  DatabaseError,
  type Snapshot,
  type SqlValue,
  type Statement,
  unexpectedChanges,
} from '#database/database.ts';
import { LoopTurn } from '#database/loop-turn.ts';
import { isLookUp, ReadingTurn } from '#database/reading-turn.ts';
import { WritingTurns } from '#database/writing-turns.ts';
import { busyTimeout, inTransaction, openSqlite, openSqliteSnapshot, withoutUnsynced } from '#database/sqlite-file.ts';

/**
 * Open a SQLite file as a database. Calls are synchronous underneath, so each is atomic within this process.
 *
 * @param options `holdsSecrets`: overwrite what is deleted; `cache`: KiB of pages in memory; `turns`: shared with other
 *   threads that use the file
 */
export function openSqliteDatabase(
  path: string,
  migrations: string,
  options: { readonly holdsSecrets?: boolean; readonly cache?: number; readonly turns?: WritingTurns } = {},
): Database {
  return sqliteDatabase(openSqlite(path, migrations, options), options.turns ?? new WritingTurns(), path);
}

/** Prepare each statement once. */
function statementsOf(file: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new Map<string, StatementSync>();
  return (sql) => {
    let statement = prepared.get(sql);
    if (statement === undefined) prepared.set(sql, (statement = file.prepare(sql)));
    return statement;
  };
}

/** Read in a connection and a transaction of its own. */
function snapshotOf(path: string, turn: LoopTurn, turns: WritingTurns): Snapshot {
  const file = openSqliteSnapshot(path);
  const release = turns.holdStill();
  const prepare = statementsOf(file);
  return {
    async rows<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]> {
      await turn.pause();
      return prepare(sql).all(...values) as Row[];
    },
    async close() {
      if (file.isOpen) file.close();
      release();
    },
  };
}

function sqliteDatabase(file: DatabaseSync, turns: WritingTurns, path: string): Database {
  const turn = new LoopTurn();
  const prepare = statementsOf(file);
  const reading = new ReadingTurn(file, prepare);
  const run = (statement: Statement): void => {
    const { changes } = prepare(statement.sql).run(...statement.values);
    if (statement.changes !== undefined && Number(changes) !== statement.changes)
      throw unexpectedChanges(statement, Number(changes));
  };
  return {
    async rows<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]> {
      await turn.pause();
      if (isLookUp(sql)) reading.begin();
      else reading.end();
      return translating(() => withoutUnsynced(file, () => prepare(sql).all(...values) as Row[]));
    },
    async readTogether(queries) {
      await turn.pause();
      reading.begin();
      return translating(() => queries.map(({ sql, values }) => prepare(sql).all(...values)));
    },
    async write(statements: readonly Statement[]): Promise<void> {
      await turns.run(() => {
        reading.end();
        translating(() => inTransaction(file, () => statements.forEach(run), prepare));
      });
      await turns.yield();
    },
    // `secure_delete` overwrites in the file itself; what is left is the log of changes.
    eraseDeleted: () =>
      turns.run(() => {
        reading.end();
        emptyLog(file);
      }),
    snapshot: async () => snapshotOf(path, turn, turns),
    isHeldStill: () => turns.isHeldStill,
    async close(): Promise<void> {
      reading.end();
      if (file.isOpen) file.close();
    },
  };
}

/** Take the log of changes into the file and empty it, unless someone reads from it, who is not waited for. */
function emptyLog(file: DatabaseSync): void {
  file.exec('PRAGMA busy_timeout = 0');
  try {
    file.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    file.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
  }
}

const uniqueness = /^UNIQUE constraint failed: (?:index '(?<index>\w+)'|(?<table>\w+)\.)/;

function translating<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    const { table } = (error instanceof Error ? uniqueness.exec(error.message)?.groups : undefined) ?? {};
    if (table === undefined) throw error;
    throw new DatabaseError('unique-violated', `a row of ${table} exists already`, {
      cause: error,
      details: { table },
    });
  }
}
