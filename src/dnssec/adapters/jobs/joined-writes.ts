import { type Database, DatabaseError, type Statement } from '#database/database.ts';

interface Waiting {
  readonly statements: readonly Statement[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Transactions that are joined at most. */
const most = 64;

/**
 * Joins transactions that wait for the database at the same time, so that many runs which begin or end together commit once. Each
 * one still succeeds or fails by itself: where they cannot be written together they are written one by one.
 *
 * They must be independent of each other, and lock rows in the order of `zone`.
 */
export class JoinedWrites {
  readonly #database: Pick<Database, 'write'>;
  #waiting: (Waiting & { readonly zone: number })[] = [];
  #isBusy = false;

  constructor(database: Pick<Database, 'write'>) {
    this.#database = database;
  }

  /** Write a transaction for a zone. @throws DatabaseError as if it were written alone */
  write(zone: number, statements: readonly Statement[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ zone, statements, resolve, reject });
      if (!this.#isBusy) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    await Promise.resolve(); // for those who come in the same turn
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0, most).toSorted((left, right) => left.zone - right.zone);
      await this.#writeTogether(together);
    }
    this.#isBusy = false;
  }

  async #writeTogether(together: readonly Waiting[]): Promise<void> {
    try {
      await this.#database.write(together.flatMap(({ statements }) => statements));
      for (const { resolve } of together) resolve();
    } catch (error) {
      if (together.length > 1 && isAboutOne(error)) for (const one of together) await this.#writeTogether([one]);
      else for (const { reject } of together) reject(error);
    }
  }
}

/** It failed for what one of them asked, and not because the database is away. */
function isAboutOne(error: unknown): boolean {
  return error instanceof DatabaseError && error.code !== 'unavailable';
}
