/**
 * An allowance that refills evenly: `rate` a second up to `burst`. What is asked for may exceed what is there once, so
 * that a batch bigger than the burst is possible; what follows waits until the debt is paid.
 */
export class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #level: number;
  #at: number;

  /** @param now milliseconds since the epoch */
  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#level = burst;
    this.#at = now;
  }

  /** Take an amount. @returns 0, or the seconds to wait before something can be taken: then nothing was */
  take(amount: number, now: number): number {
    this.#refill(now);
    if (this.#level <= 0) return Math.max(1, Math.ceil((1 - this.#level) / this.#rate));
    this.#level -= amount;
    return 0;
  }

  /** Tell whether it is full, and so need not be remembered. */
  isFull(now: number): boolean {
    this.#refill(now);
    return this.#level >= this.#burst;
  }

  #refill(now: number): void {
    // A clock that is set back gives nothing and takes nothing.
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    this.#level = Math.min(this.#burst, this.#level + seconds * this.#rate);
  }
}
