import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { type Database, DatabaseError, type SqlValue, type Statement } from '#database/database.ts';
import {
  type AuditHead,
  type AuditRecord,
  emptyHead,
  headOctets,
  linkAuditBody,
  parseAuditBody,
} from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';
import { equalInConstantTime } from '#kms/core/key-material.ts';
import type { AuditFilter, AuditVerification } from '#kms/ports/audit-log.ts';

const columns = ['number', 'at', 'operation', 'outcome', 'principal', 'organisation', 'key', 'body', 'hash'] as const;
/** Events of one statement. */
const rowsTogether = 64;
/** How often an append is tried when other processes append too. */
const attempts = 50;

const sql = {
  selectHead: 'SELECT number, hash, seal FROM audit_head',
  insertHead: 'INSERT INTO audit_head (one, number, hash, seal) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING',
  moveHead: 'UPDATE audit_head SET number = ?, hash = ?, seal = ? WHERE number = ?',
  selectNext: `SELECT ${columns.join(', ')} FROM audit_events WHERE number > ? ORDER BY number LIMIT ?`,
};

interface EventRow {
  readonly number: number;
  readonly at: number;
  readonly operation: string;
  readonly outcome: string;
  readonly principal: string;
  readonly organisation: string;
  readonly key: string | null;
  readonly body: string;
  readonly hash: Uint8Array;
}

interface HeadRow extends AuditHead {
  readonly seal: Uint8Array;
}

/** The audit log in a database, without the waiting for each other: one `append` is one transaction. */
export class AuditTable {
  readonly #database: Database;
  readonly #sealKey: KeyObject;
  /** The end of the log as this process last saw it, while nothing speaks against it. */
  #head: AuditHead | undefined;
  /** The furthest end that this process has seen: a log that ends before it was cut off. */
  #furthest = emptyHead;

  /** @param sealKey authenticates the end of the log, so that events cannot be cut off there. */
  constructor(database: Database, sealKey: Uint8Array) {
    this.#database = database;
    this.#sealKey = createSecretKey(sealKey);
  }

  /** Write events at the end of the log, all or none. @param bodies as `composeAuditBody` makes them @throws KmsError audit-unavailable */
  async append(bodies: readonly string[]): Promise<void> {
    try {
      for (let attempt = 1; ; attempt++) {
        if (await this.#tryAppend(bodies)) return;
        if (attempt === attempts) throw new Error(`other processes wrote first ${attempts} times`);
      }
    } catch (cause) {
      this.#head = undefined;
      throw new KmsError(
        'audit-unavailable',
        'the audit log cannot be written, so nothing was changed and nothing is given out',
        { cause },
      );
    }
  }

  /** @returns false when another process moved the end meanwhile */
  async #tryAppend(bodies: readonly string[]): Promise<boolean> {
    const start = (this.#head ??= await this.#readHead());
    let head = start;
    const rows: SqlValue[][] = [];
    for (const body of bodies) {
      head = linkAuditBody(head, body);
      const { at, operation, outcome, principal, organisation, key = null } = parseAuditBody(body);
      rows.push([head.number, at, operation, outcome, principal, organisation, key, body, head.hash]);
    }
    const move = { sql: sql.moveHead, values: [head.number, head.hash, this.#seal(head), start.number], changes: 1 };
    try {
      await this.#database.write([move, ...insertions(rows)]);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== 'changes-unexpected') throw error;
      this.#head = undefined;
      return false;
    }
    this.#head = this.#furthest = head;
    return true;
  }

  async list(filter: AuditFilter, after: number, limit: number): Promise<AuditRecord[]> {
    const conditions = ['number > ?'];
    const values: SqlValue[] = [after];
    for (const field of ['organisation', 'operation', 'outcome', 'key', 'principal'] as const) {
      const wanted = filter[field];
      if (wanted === undefined) continue;
      conditions.push(`${field} = ?`);
      values.push(wanted);
    }
    for (const [condition, bound] of [
      ['at >= ?', filter.from],
      ['at < ?', filter.to],
    ] as const) {
      if (bound === undefined) continue;
      conditions.push(condition);
      values.push(bound);
    }
    const text = `SELECT ${columns.join(', ')} FROM audit_events WHERE ${conditions.join(' AND ')} ORDER BY number LIMIT ?`;
    const rows = await this.#database.rows<EventRow>(text, ...values, limit);
    return rows.map(({ number, body, hash }) => ({ number, event: parseAuditBody(body), hash }));
  }

  /** Check up to `limit` events after a head, and the end of the log when they reach it. */
  async verify(from: AuditHead, limit: number): Promise<AuditVerification> {
    const end = await this.#selectHead();
    const rows = await this.#database.rows<EventRow>(sql.selectNext, from.number, limit);
    if (end === undefined) {
      const isEmpty = rows.length === 0 && from.number === 0;
      return { head: from, isEnd: true, ...(isEmpty ? {} : { fault: 'the end of the log is not recorded' }) };
    }
    let head = from;
    for (const row of rows) {
      if (row.number > end.number) break; // written since, or not by this service: the next part tells
      const next = linkAuditBody(head, row.body);
      const fault = faultOf(row, next);
      if (fault !== undefined) return { head, isEnd: false, fault };
      head = next;
    }
    if (head.number < end.number) {
      if (rows.length === limit) return { head, isEnd: false };
      return { head, isEnd: false, fault: `event ${head.number + 1} is missing` };
    }
    const fault = this.#faultOfEnd(head, end);
    return { head, isEnd: true, ...(fault === undefined ? {} : { fault }) };
  }

  #faultOfEnd(head: AuditHead, end: HeadRow): string | undefined {
    if (end.number !== head.number) return `the log ends at event ${end.number}, not at ${head.number}`;
    if (!equalInConstantTime(end.hash, head.hash))
      return `the end of the log has another hash than event ${head.number}`;
    if (!equalInConstantTime(end.seal, this.#seal(end))) return 'the end of the log was not written by this service';
    return undefined;
  }

  /** Read the end of the log. One that this service did not write, or left behind before, must not be sealed anew. */
  async #readHead(): Promise<AuditHead> {
    const stored = await this.#selectHead();
    if (stored !== undefined) {
      if (!equalInConstantTime(stored.seal, this.#seal(stored)))
        throw new Error('the end of the log was not written by this service');
      if (stored.number < this.#furthest.number)
        throw new Error(`the log ends at event ${stored.number}, and had ${this.#furthest.number}`);
      const { number, hash } = stored;
      return (this.#furthest = { number, hash });
    }
    if (this.#furthest.number > 0) throw new Error('the end of the log is gone');
    const values = [emptyHead.number, emptyHead.hash, this.#seal(emptyHead)];
    await this.#database.write([{ sql: sql.insertHead, values }]);
    return emptyHead;
  }

  async #selectHead(): Promise<HeadRow | undefined> {
    const [row] = await this.#database.rows<HeadRow>(sql.selectHead);
    return row;
  }

  #seal(head: AuditHead): Uint8Array {
    return createHmac('sha256', this.#sealKey).update(headOctets(head)).digest();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

function insertions(rows: readonly SqlValue[][]): Statement[] {
  const statements: Statement[] = [];
  for (let start = 0; start < rows.length; start += rowsTogether) {
    const together = rows.slice(start, start + rowsTogether);
    const marks = together.map(() => `(${columns.map(() => '?').join(', ')})`).join(', ');
    statements.push({
      sql: `INSERT INTO audit_events (${columns.join(', ')}) VALUES ${marks}`,
      values: together.flat(),
    });
  }
  return statements;
}

function faultOf(row: EventRow, next: AuditHead): string | undefined {
  if (row.number !== next.number) return `event ${next.number} is missing`;
  if (!equalInConstantTime(row.hash, next.hash)) return `event ${row.number} was changed, moved or put in`;
  const event = parseAuditBody(row.body);
  const { at, operation, outcome, principal, organisation, key = null } = event;
  const same =
    at === row.at &&
    operation === row.operation &&
    outcome === row.outcome &&
    principal === row.principal &&
    organisation === row.organisation &&
    key === row.key;
  return same ? undefined : `event ${row.number} has columns that differ from its body`;
}
