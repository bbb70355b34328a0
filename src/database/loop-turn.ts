/** Milliseconds of one turn of the event loop after which others get theirs. */
const most = 8;

/**
 * Lets the event loop turn between calls that are synchronous underneath: awaiting them one after the other would
 * otherwise keep it from everything else for as long as the chain goes on.
 */
export class LoopTurn {
  #began: number | undefined;

  /** Go on in the next turn when this one has lasted long, at once otherwise. */
  async pause(): Promise<void> {
    const now = performance.now();
    if (this.#began === undefined) {
      this.#began = now;
      setImmediate(() => (this.#began = undefined));
    } else if (now - this.#began > most) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
