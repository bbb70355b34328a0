import { ServiceError } from '#lib/errors.ts';

export type SqlValue = string | number | null | Uint8Array;

/** A statement with `?` for its values. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** Rows that it must change; with another number the whole transaction is undone. */
  readonly changes?: number;
}

/** A database as it was at one moment, however long it is read. */
export interface Snapshot {
  rows<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]>;
  close(): Promise<void>;
}

/**
 * What both databases can do: SQL that both understand, with `?` for values, whole numbers below 2⁵³, texts and octets.
 *
 * @throws DatabaseError unique-violated, changes-unexpected, unavailable
 */
export interface Database {
  /** Run one statement by itself, which may change rows and return them. A change is durable before it resolves. */
  rows<Row>(sql: string, ...values: SqlValue[]): Promise<Row[]>;
  /**
   * Run queries one after the other, in one trip to the database: what a later one sees is never older than what one before
   * it saw.
   *
   * @returns the rows of each
   */
  readTogether(queries: readonly Pick<Statement, 'sql' | 'values'>[]): Promise<unknown[][]>;
  /** Run all statements as one transaction, durable before it resolves; when it rejects nothing was changed. */
  write(statements: readonly Statement[]): Promise<void>;
  /**
   * Take out of the files what was deleted from a table before. Where someone reads meanwhile, it may have to be asked for
   * again.
   */
  eraseDeleted(table: string): Promise<void>;
  /** Hold the database still for whoever reads much of it; others go on writing. To be closed soon. */
  snapshot(): Promise<Snapshot>;
  /**
   * Whether a snapshot makes writing dear, and work that can wait should: all that is written to SQLite meanwhile stays in
   * its log, which each commit goes through.
   */
  isHeldStill(): boolean;
  close(): Promise<void>;
}

export type DatabaseErrorCode = 'unique-violated' | 'changes-unexpected' | 'unavailable';

/** A failure that callers may act on: `details.table` names the table of a violated uniqueness. */
export class DatabaseError extends ServiceError<DatabaseErrorCode> {
  /** Name of the table whose uniqueness would have been violated. */
  get table(): string | undefined {
    return this.details['table'] as string | undefined;
  }
}

export function unexpectedChanges({ sql, changes }: Statement, found: number): DatabaseError {
  return new DatabaseError('changes-unexpected', `a statement changed ${found} rows, not ${changes}: ${sql}`);
}
