import { hash } from 'node:crypto';
import { encodeHex } from '#lib/encoding.ts';
import { type IdempotencyClaim, orEarlier } from '#lib/idempotency.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { AnsweredClaim } from '#dnssec/ports-zones.ts';

/**
 * Carry out what a request asks for, or give the answer that the same request was given before.
 *
 * What changes a zone writes the claim in its own transaction, with `answered`, so that no crash comes between them. For what
 * wrote nothing, or may be repeated, it is written afterwards.
 *
 * @param work its result is data, and the same as the answer that is written with it
 * @throws DnssecError conflict when the claim was used for something else, and what the work throws
 */
export async function onlyOnce<Result>(
  ports: Pick<ZonePorts, 'store' | 'clock'>,
  claim: IdempotencyClaim | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  if (claim === undefined) return work();
  const earlier = async (): Promise<{ readonly result: Result } | undefined> => {
    const answer = await ports.store.findClaim(claim);
    return answer === undefined ? undefined : (JSON.parse(answer) as { readonly result: Result });
  };
  const before = await earlier();
  if (before !== undefined) return before.result;
  const first = async () => {
    const result = await work();
    const written = await earlier();
    if (written !== undefined) return written;
    await ports.store.insertClaim(answered(ports, claim, result));
    return { result };
  };
  return (await orEarlier(first, isConflict, earlier)).result;
}

function isConflict(error: unknown): boolean {
  return error instanceof DnssecError && error.code === 'conflict';
}

/** Give a claim the answer that it is written with. */
export function answered({ clock }: Pick<ZonePorts, 'clock'>, claim: IdempotencyClaim, result: unknown): AnsweredClaim {
  return { ...claim, answer: JSON.stringify({ result }), at: clock.now() };
}

/** Name one of the things that a request has the KMS do, the same however often the request is repeated. */
export function onceFor(claim: IdempotencyClaim | undefined, what: string): string | undefined {
  if (claim === undefined) return undefined;
  const { principal, key, requestHash } = claim;
  return hash('sha256', JSON.stringify([principal, key, encodeHex(requestHash), what]), 'hex');
}
