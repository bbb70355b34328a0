import type { Clock } from '#lib/clock.ts';

/** Lets so many things begin in a second, evenly, and up to a second's worth of them at once after a rest. */
export class RateLimit {
  readonly #rate: number;
  readonly #clock: Clock;
  #tokens: number;
  #at: number;

  /** @param rate things a second; 0 for no limit */
  constructor(rate: number, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate;
    this.#at = clock.now();
  }

  /**
   * Return how many of `wanted` things may begin now.
   *
   * @returns `wait`: milliseconds until the next one may, when none may now
   */
  available(wanted: number): { readonly tokens: number; readonly wait: number } {
    if (this.#rate === 0) return { tokens: wanted, wait: 0 };
    const now = this.#clock.now();
    const passed = Math.max(0, now - this.#at);
    this.#tokens = Math.min(this.#rate, this.#tokens + (passed * this.#rate) / 1000);
    this.#at = now;
    const whole = Math.floor(this.#tokens);
    const wait = whole >= 1 ? 0 : Math.ceil(((1 - this.#tokens) * 1000) / this.#rate);
    return { tokens: Math.min(wanted, whole), wait };
  }

  take(): void {
    if (this.#rate > 0) this.#tokens -= 1;
  }
}
