import { timingSafeEqual } from 'node:crypto';
import { type Database, DatabaseError, type Statement } from '#database/database.ts';
import { type IdempotencyClaim, idempotencyTexts } from '#lib/idempotency.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { AnsweredClaim, ZoneStore } from '#dnssec/ports-zones.ts';

const table = 'zone_claims';
const sql = {
  insert: `INSERT INTO ${table} (principal, claim, request_hash, answer, at) VALUES (?, ?, ?, ?, ?)`,
  find: `SELECT request_hash, answer FROM ${table} WHERE principal = ? AND claim = ?`,
  drop: `DELETE FROM ${table} WHERE at < ?`,
};

/** Write the claim of a request in the transaction of what it asked for; none writes nothing. */
export function claiming(claim: AnsweredClaim | undefined): Statement[] {
  if (claim === undefined) return [];
  const { principal, key, requestHash, answer, at } = claim;
  return [{ sql: sql.insert, values: [principal, key, requestHash, answer, at] }];
}

/** Tell whether a write failed because its claim is taken. */
export function isClaimTaken(error: DatabaseError): boolean {
  return error.code === 'unique-violated' && error.table === table;
}

export function claimTaken(cause?: unknown): DnssecError {
  return new DnssecError('conflict', idempotencyTexts.taken, { cause });
}

/** The part of the store that knows which requests were carried out. */
export function claimRecords(database: Database): Pick<ZoneStore, 'findClaim' | 'insertClaim' | 'dropClaims'> {
  return {
    async findClaim({ principal, key, requestHash }: IdempotencyClaim) {
      const [row] = await database.rows<{ request_hash: Uint8Array; answer: string }>(sql.find, principal, key);
      if (row !== undefined && !timingSafeEqual(row.request_hash, requestHash)) throw claimTaken();
      return row?.answer;
    },
    async insertClaim(claim) {
      try {
        await database.write(claiming(claim));
      } catch (error) {
        throw error instanceof DatabaseError && isClaimTaken(error) ? claimTaken(error) : error;
      }
    },
    dropClaims: (before) => database.write([{ sql: sql.drop, values: [before] }]),
  };
}
