import { type Database, DatabaseError, type Statement } from '#database/database.ts';
import { KmsError } from '#kms/core/errors.ts';
import { type IdempotencyClaim, idempotencyTexts } from '#lib/idempotency.ts';

const table = 'idempotency_claims';
const insertClaim = `INSERT INTO ${table} (principal, claim, request_hash, key, at) VALUES (?, ?, ?, ?, ?)`;

/**
 * Write a change together with the claim of the request that asked for it, so that the same request does nothing twice.
 *
 * @param made - identity of what was made or changed, and when.
 * @throws KmsError conflict when the claim is taken, and what `Database.write` throws
 */
export async function writeClaimed(
  database: Database,
  statements: readonly Statement[],
  claim: IdempotencyClaim | undefined,
  { identity, at }: { readonly identity: string; readonly at: number },
): Promise<void> {
  if (claim === undefined) return database.write(statements);
  const values = [claim.principal, claim.key, claim.requestHash, identity, at];
  try {
    return await database.write([...statements, { sql: insertClaim, values }]);
  } catch (error) {
    throw error instanceof DatabaseError && error.table === table ? claimTaken() : error;
  }
}

export function claimTaken(): KmsError {
  return new KmsError('conflict', idempotencyTexts.taken);
}
