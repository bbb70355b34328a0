import type { RolloverKey } from '#dnssec/core/rollover/key-state.ts';
import { brokenRules, isGoingInsecure } from '#dnssec/core/rollover/safety.ts';
import type { SigningPolicy } from '#dnssec/core/managed/signing-state.ts';

/** Most urgent first. */
export const jobPriorities = ['emergency', 'expiring', 'rotation', 'refresh'] as const;
export type JobPriority = (typeof jobPriorities)[number];

/** What of a zone tells how urgent it is. */
export interface Urgency {
  /** Seconds; when the first signature is due for its renewal. */
  readonly refreshAt?: number;
  readonly signing?: {
    readonly keys: readonly RolloverKey[];
    readonly policy: Pick<SigningPolicy, 'refresh' | 'algorithmRollover'>;
  };
}

/**
 * Tell how urgent it is to tend a zone that is due: it is an emergency when some resolvers may find no chain of trust, as
 * after a key was replaced at once; it is expiring once half of the time between renewal and expiration is over; and where no
 * signature is due for renewal it is the keys that ask for something.
 *
 * @param now seconds
 */
export function urgencyOf({ refreshAt, signing }: Urgency, now: number): JobPriority {
  if (signing !== undefined && isChainBroken(signing)) return 'emergency';
  if (refreshAt === undefined || refreshAt > now) return 'rotation';
  const { refresh = 0 } = signing?.policy ?? {};
  return now >= refreshAt + refresh / 2 ? 'expiring' : 'refresh';
}

function isChainBroken({ keys, policy }: NonNullable<Urgency['signing']>): boolean {
  return !isGoingInsecure(keys) && brokenRules(keys, policy).some(({ rule }) => rule !== 'ds');
}

/** Seconds; the longest time for which a zone is left alone that failed again and again. */
const longestRest = 3600;

/**
 * Return the seconds after which a zone is tended again whose job is dead: soon enough to try several more times before
 * its signatures expire.
 */
export function restOf({ signing }: Pick<Urgency, 'signing'>): number {
  const { refresh = Infinity } = signing?.policy ?? {};
  return Math.min(longestRest, Math.max(60, Math.floor(refresh / 16)));
}
