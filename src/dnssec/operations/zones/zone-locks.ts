/**
 * Lets one change of a zone at a time go on in this process. Between processes the compare-and-swap of the store
 * decides; this only spares its losers the work.
 */
export class ZoneLocks {
  readonly #last = new Map<number, Promise<unknown>>();

  /** @param work is told whether it had to wait, so that what was read of the zone before may be stale */
  async run<Result>(zoneId: number, work: (hadToWait: boolean) => Promise<Result>): Promise<Result> {
    const before = this.#last.get(zoneId);
    const begin = (): Promise<Result> => work(before !== undefined);
    const mine = (before ?? Promise.resolve()).then(begin, begin);
    const settled = mine.catch(() => undefined);
    this.#last.set(zoneId, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(zoneId) === settled) this.#last.delete(zoneId);
    }
  }
}
