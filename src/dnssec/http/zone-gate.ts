import { DnssecError } from '#dnssec/core/errors.ts';

/** Records of a zone in one request, and whole zones at a time: together some 3 GB of memory. */
export const maxZoneRecords = 5_000_000;
export const maxZonesAtOnce = 2;

/** Seconds after which a caller who was turned away may try again. */
const retryAfterSeconds = 5;

/**
 * Lets only so many calls that hold a whole zone in memory run at a time; who comes on top is asked to come back. With
 * the cap on records this bounds what callers can make the service hold.
 */
export class ZoneGate {
  readonly #most: number;
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Enter; leaving the scope of what is returned leaves the gate.
   *
   * @throws DnssecError overloaded
   */
  enter(): Disposable {
    if (this.#inside >= this.#most) {
      throw new DnssecError('overloaded', `${this.#most} whole zones are being worked on: try again in a moment`, {
        details: { retryAfterSeconds },
      });
    }
    this.#inside += 1;
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (!left) this.#inside -= 1;
        left = true;
      },
    };
  }
}
