import type { Principal } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import { TokenBucket } from '#kms/core/token-bucket.ts';
import type { Clock } from '#lib/clock.ts';

/** Microseconds of a core that any call costs, whatever it asks for. */
export const callCost = 50;
/** Seconds of allowance that gather while a principal is quiet. */
const burstSeconds = 10;
/** Principals that are remembered before those with a full allowance are forgotten. */
const mostPrincipals = 10_000;

/** Keeps one principal from taking the whole machine: each has an allowance of core time, in microseconds. */
export class RateLimiter {
  readonly #rate: number;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  /** @param rate microseconds of core time a second for each principal; 0 for no limit. */
  constructor(rate: number, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Take the cost of a call, in microseconds. @throws KmsError rate-limited, with `retryAfterSeconds` */
  take({ identity }: Principal, cost: number): void {
    if (this.#rate === 0) return;
    const now = this.#clock.now();
    let bucket = this.#buckets.get(identity);
    if (bucket === undefined) {
      if (this.#buckets.size >= mostPrincipals) this.#forgetQuiet(now);
      bucket = new TokenBucket(this.#rate, this.#rate * burstSeconds, now);
      this.#buckets.set(identity, bucket);
    }
    const wait = bucket.take(cost, now);
    if (wait === 0) return;
    throw new KmsError('rate-limited', `too much was asked for in a short time: try again in ${wait} s`, {
      details: { retryAfterSeconds: wait },
    });
  }

  #forgetQuiet(now: number): void {
    for (const [identity, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(identity);
  }
}
