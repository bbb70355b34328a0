import { hash } from 'node:crypto';

/** Makes a repeated request give the first one's answer. */
export interface IdempotencyClaim {
  readonly principal: string;
  readonly key: string;
  /** SHA-256 of what was asked. */
  readonly requestHash: Uint8Array;
}

/** Milliseconds for which claims count: they are for clients that try again at once; a day is plenty. */
export const claimAge = 24 * 3_600_000;

export const idempotencyTexts = {
  malformed: 'the Idempotency-Key header must be 1 to 255 printable ASCII characters without spaces',
  taken: 'the Idempotency-Key was used before, with another request',
} as const;

const keyShape = /^[\x21-\x7e]{1,255}$/;

/** Tell whether the value of an Idempotency-Key header is one. */
export function isIdempotencyKey(value: unknown): value is string {
  return typeof value === 'string' && keyShape.test(value);
}

/** Bind an idempotency key to its caller and to what was asked; none stays none. */
export function claimFor(principal: string, key: string | undefined, asked: unknown): IdempotencyClaim | undefined {
  if (key === undefined) return undefined;
  return { principal, key, requestHash: hash('sha256', JSON.stringify(asked), 'buffer') };
}

/**
 * Carry out a change. When it meets what the same request, sent twice, has just done, answer with what came of that.
 *
 * @param earlier gives the answer to an earlier request with the same claim, if there was one
 */
export async function orEarlier<Result>(
  change: () => Promise<Result>,
  isConflict: (error: unknown) => boolean,
  earlier: () => Promise<Result | undefined>,
): Promise<Result> {
  try {
    return await change();
  } catch (error) {
    const answer = isConflict(error) ? await earlier() : undefined;
    if (answer === undefined) throw error;
    return answer;
  }
}
