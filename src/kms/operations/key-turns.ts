/**
 * Lets the changes that this process makes to one key go one after the other. What keeps them apart is the store; this
 * only keeps many at a time from being tried, and their versions from being made, over and over.
 */
export class KeyTurns {
  readonly #last = new Map<string, Promise<void>>();

  /** Do something with a key when all that was asked before is over. */
  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#last.set(key, over);
    try {
      await before;
      return await work();
    } finally {
      if (this.#last.get(key) === over) this.#last.delete(key);
      end();
    }
  }
}
