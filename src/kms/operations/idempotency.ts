import { hash } from 'node:crypto';
import { KmsError } from '#kms/core/errors.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';
import type { IdempotencyClaim } from '#kms/ports/key-store.ts';

/** Bind an idempotency key to its caller and to what was asked. */
export function claimOf(
  caller: Caller,
  idempotencyKey: string | undefined,
  request: unknown,
): IdempotencyClaim | undefined {
  if (idempotencyKey === undefined) return undefined;
  return {
    principal: caller.principal.identity,
    key: idempotencyKey,
    requestHash: hash('sha256', JSON.stringify(request), 'buffer'),
  };
}

/** Return the identity of what an earlier request with this claim made or changed. @throws KmsError conflict */
export async function findEarlier(
  { store }: KmsPorts,
  claim: IdempotencyClaim | undefined,
): Promise<string | undefined> {
  return claim === undefined ? undefined : store.findClaim(claim);
}

/**
 * Carry out a change. When it meets what the same request, sent twice, has just done, answer with what came of that.
 *
 * @param again - gives the answer to an earlier request, by the identity of what it made or changed.
 */
export async function orEarlier<Result>(
  ports: KmsPorts,
  claim: IdempotencyClaim | undefined,
  change: () => Promise<Result>,
  again: (identity: string) => Promise<Result>,
): Promise<Result> {
  try {
    return await change();
  } catch (error) {
    const isConflict = error instanceof KmsError && (error.code === 'conflict' || error.code === 'slug-conflict');
    const earlier = isConflict ? await findEarlier(ports, claim) : undefined;
    if (earlier === undefined) throw error;
    return again(earlier);
  }
}
