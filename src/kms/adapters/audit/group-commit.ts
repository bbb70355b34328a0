import { KmsError } from '#kms/core/errors.ts';
import type { WriteUnderWay } from '#kms/ports/audit-log.ts';

interface Waiting<Item> {
  readonly item: Item;
  readonly begin: (write: WriteUnderWay) => void;
}

/** Items that may wait for the next commit. */
const mostWaiting = 50_000;
/** Items of one commit. */
const mostTogether = 1000;

/** Writes what waits in one go while the next items gather, so that a disk sync is paid once for all of them. */
export class GroupCommit<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  #waiting: Waiting<Item>[] = [];
  #isWriting = false;

  /** @param write makes all items durable, or none. */
  constructor(write: (items: readonly Item[]) => Promise<void>) {
    this.#write = write;
  }

  /**
   * Add an item. Resolves when its group begins to be written, for all of the group in the same turn of the event loop;
   * what `write` throws comes with `durable`.
   *
   * @throws KmsError overloaded
   */
  add(item: Item): Promise<WriteUnderWay> {
    if (this.#waiting.length >= mostWaiting)
      return Promise.reject(new KmsError('overloaded', 'too many audit events are waiting: try again in a moment'));
    return new Promise((begin) => {
      this.#waiting.push({ item, begin });
      // After the requests of this turn of the event loop, so that they share the first commit already.
      if (!this.#isWriting) {
        this.#isWriting = true;
        setImmediate(() => void this.#run());
      }
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, mostTogether);
      const durable = this.#write(group.map(({ item }) => item));
      for (const { begin } of group) begin({ durable });
      await durable.catch(() => undefined); // those whose items they are have the error from `durable`
    }
    this.#isWriting = false;
  }
}
