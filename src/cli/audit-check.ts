import { UsageError } from '#cli/usage-error.ts';
import { ServiceError } from '#lib/errors.ts';

/** An event of the log by its number, and the hash of the log up to it. */
export interface AuditHead {
  readonly number: number;
  readonly hash: string;
}

/** What the KMS says of a part of the log. */
export interface AuditPart {
  readonly head: AuditHead;
  readonly isEnd: boolean;
  readonly fault?: string;
}

/** What is found of the whole log. */
export interface AuditVerdict {
  /** The last event that is right. */
  readonly head: AuditHead;
  /** Why the log is not whole; absent when it is. */
  readonly fault?: string;
}

/** Events of one part: what the KMS checks at most in one call. */
const longestPart = 10_000;

/**
 * Check the log part by part, from its beginning. Parts end at the event that is expected, so that its hash is seen.
 *
 * @param checkPart checks `limit` events at most after `from`, or from the beginning
 * @throws ServiceError invalid-answer when a part neither ends the log nor brings it further
 */
export async function checkLog(
  checkPart: (limit: number, from: AuditHead | undefined) => Promise<AuditPart>,
  expected: AuditHead | undefined,
  onProgress: (events: number) => void = () => {},
): Promise<AuditVerdict> {
  let from: AuditHead | undefined;
  for (;;) {
    const done = from?.number ?? 0;
    const left = expected === undefined ? 0 : expected.number - done;
    const { head, isEnd, fault } = await checkPart(left > 0 ? Math.min(left, longestPart) : longestPart, from);
    onProgress(head.number);
    if (fault !== undefined) return { head, fault };
    if (head.number === expected?.number && head.hash !== expected.hash)
      return { head, fault: `event ${head.number} has the hash ${head.hash}, not the one that is expected` };
    if (isEnd) {
      const isShort = expected !== undefined && head.number < expected.number;
      return isShort ? { head, fault: `it ends before event ${expected.number}` } : { head };
    }
    if (head.number <= done || (left > 0 && head.number - done > left))
      throw new ServiceError('invalid-answer', `the KMS checked the log up to event ${head.number} after ${done}`);
    from = head;
  }
}

/** Read `NUMBER:HASH`. @throws UsageError */
export function parseHead(text: string): AuditHead {
  const [, number, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (number === undefined || hash === undefined)
    throw new UsageError('--expect must be the number of an event and its hash, as "audit verify" prints them');
  return { number: Number(number), hash };
}
