import { KmsError } from '#kms/core/errors.ts';

interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
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

  /** Resolves when the item is durable. @throws KmsError overloaded and what `write` throws */
  add(item: Item): Promise<void> {
    if (this.#waiting.length >= mostWaiting)
      return Promise.reject(new KmsError('overloaded', 'too many audit events are waiting: try again in a moment'));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
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
      try {
        await this.#write(group.map(({ item }) => item));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isWriting = false;
  }
}
