import type { Octets } from '#lib/octets.ts';

/** A signed request: whoever saw it can send it again until its time is over. */
export interface SignedRequest {
  /** Its MAC, which no other request has. */
  readonly mac: Octets;
  /** The last second since the epoch at which its TSIG is taken. */
  readonly until: number;
}

/** Seconds between two looks for what can be forgotten. */
const interval = 60;

/**
 * Remembers how updates were answered for as long as their signatures are good. One that comes again, since its answer was lost
 * or since somebody on the way recorded it, gets the same answer and is not done again: a record that was deleted meanwhile does
 * not come back. What another process or a former run did is not known here.
 *
 * Source: RFC 8945 §10.
 */
export class AnsweredUpdates {
  readonly #answers = new Map<Octets, { readonly until: number; readonly code: Promise<number> }>();
  #swept = 0;

  /**
   * Carry out an update, or give the answer that it was given before.
   *
   * @param now seconds since the epoch
   * @param carryOut returns the response code; when it throws, the update may be tried again
   */
  answer({ mac, until }: SignedRequest, now: number, carryOut: () => Promise<number>): Promise<number> {
    this.#sweep(now);
    const known = this.#answers.get(mac);
    if (known !== undefined) return known.code;
    const code = carryOut();
    this.#answers.set(mac, { until, code });
    code.catch(() => this.#answers.delete(mac));
    return code;
  }

  #sweep(now: number): void {
    if (now < this.#swept + interval) return;
    this.#swept = now;
    for (const [mac, { until }] of this.#answers) if (until < now) this.#answers.delete(mac);
  }
}
