import type { Clock } from '#lib/clock.ts';

/** A clock that stands still until it is moved, and never goes back. */
export class FakeClock implements Clock {
  #milliseconds: number;

  /** @param start milliseconds since the epoch, or an RFC 3339 time */
  constructor(start: number | string = '2026-01-01T00:00:00Z') {
    this.#milliseconds = typeof start === 'string' ? Date.parse(start) : start;
    if (!Number.isFinite(this.#milliseconds)) throw new RangeError(`${start} is not a time`);
  }

  now(): number {
    return this.#milliseconds;
  }

  /** Move on by so many seconds. */
  advance(seconds: number): void {
    if (!(seconds >= 0)) throw new RangeError(`time does not go ${seconds} s on`);
    this.#milliseconds += seconds * 1000;
  }
}
