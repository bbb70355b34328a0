import { claimFor, type IdempotencyClaim, orEarlier as orEarlierAnswer } from '#lib/idempotency.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';

/** Bind an idempotency key to its caller and to what was asked. */
export function claimOf(
  caller: Caller,
  idempotencyKey: string | undefined,
  request: unknown,
): IdempotencyClaim | undefined {
  return claimFor(caller.principal.identity, idempotencyKey, request);
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
export function orEarlier<Result>(
  ports: KmsPorts,
  claim: IdempotencyClaim | undefined,
  change: () => Promise<Result>,
  again: (identity: string) => Promise<Result>,
): Promise<Result> {
  return orEarlierAnswer(change, isConflict, async () => {
    const earlier = await findEarlier(ports, claim);
    return earlier === undefined ? undefined : again(earlier);
  });
}

function isConflict(error: unknown): boolean {
  return error instanceof KmsError && (error.code === 'conflict' || error.code === 'slug-conflict');
}
