import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Tell whether a statement only looks. */
export function isLookUp(sql: string): boolean {
  return sql.startsWith('SELECT');
}

/**
 * Keeps one transaction open for the look-ups that follow each other without waiting for anything else, so that the file is
 * locked once for all of them. It ends before the event loop goes on, whose next news may be of what another thread wrote,
 * and before this connection changes something.
 */
export class ReadingTurn {
  readonly #file: DatabaseSync;
  readonly #prepare: (sql: string) => StatementSync;
  #isOpen = false;

  constructor(file: DatabaseSync, prepare: (sql: string) => StatementSync) {
    this.#file = file;
    this.#prepare = prepare;
  }

  begin(): void {
    if (this.#isOpen) return;
    this.#prepare('BEGIN').run();
    this.#isOpen = true;
    process.nextTick(() => this.end()); // after all that promises have to go on with
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#file.isTransaction) this.#prepare('COMMIT').run();
  }
}
