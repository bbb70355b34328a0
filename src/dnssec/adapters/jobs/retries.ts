/** When failed jobs come again. */
export interface Retries {
  /** Attempts at a job before it is dead. */
  readonly attempts: number;
  /** Milliseconds before the second attempt. */
  readonly first: number;
  /** How many times longer each further wait is. */
  readonly factor: number;
  /** By how much of itself a wait is drawn longer at random, so that what failed together does not come back together. */
  readonly jitter: number;
}

/** Six attempts within some ten minutes; whoever fails longer is put again by the feeder, hour by hour. */
export const defaultRetries: Retries = { attempts: 6, first: 2000, factor: 4, jitter: 0.5 };

/** Return the milliseconds to wait after an attempt that failed, or undefined when it was the last one. */
export function waitAfter(retries: Retries, attempt: number, random: () => number = Math.random): number | undefined {
  const { attempts, first, factor, jitter } = retries;
  if (attempt >= attempts) return undefined;
  return Math.ceil(first * factor ** (attempt - 1) * (1 + jitter * random()));
}
