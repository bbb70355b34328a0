/**
 * Lets one change of a zone at a time go on in this process. Between processes the compare-and-swap of the store
 * decides; this only spares its losers the work.
 */
export class ZoneLocks {
  readonly #last = new Map<number, Promise<unknown>>();

  async run<Result>(zoneId: number, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(zoneId) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    this.#last.set(zoneId, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(zoneId) === settled) this.#last.delete(zoneId);
    }
  }
}
