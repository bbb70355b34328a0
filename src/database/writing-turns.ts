const free = 0;
const taken = 1;
/** Places in the shared memory: whether somebody writes, how many wait without blocking, and how many hold the file still. */
const [state, waiting, holding] = [0, 1, 2];
/** Octets of the memory that threads share. */
export const turnsOctets = 12;
/** Milliseconds after which a turn counts as given up: its thread ended in the middle of it. */
const longest = 10_000;
/** Milliseconds that a thread which writes much leaves to others who wait, and in which they come to their turn. */
const courtesy = 50;

/**
 * Lets the threads of a process write to one SQLite file in turns. SQLite itself would make a thread sleep until the file
 * is free, and with it everything else that the thread does. The lock of SQLite decides; this only waits for it in time.
 * It knows as well whether one of them holds the file still for its reading.
 */
export class WritingTurns {
  readonly #shared: Int32Array<SharedArrayBuffer>;

  /** @param memory `turnsOctets` of zeros, the same for all threads */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(turnsOctets)) {
    this.#shared = new Int32Array(memory);
  }

  /** Do something synchronous in a turn of its own. */
  async run<Result>(work: () => Result): Promise<Result> {
    if (!this.#take()) await this.#wait();
    try {
      return work();
    } finally {
      Atomics.store(this.#shared, state, free);
      Atomics.notify(this.#shared, state);
    }
  }

  /** Count somebody who reads one state of the file for long. @returns what ends that, once */
  holdStill(): () => void {
    Atomics.add(this.#shared, holding, 1);
    let isHeld = true;
    return () => {
      if (isHeld) Atomics.sub(this.#shared, holding, 1);
      isHeld = false;
    };
  }

  /** Whether any thread reads one state of the file for long. */
  get isHeldStill(): boolean {
    return Atomics.load(this.#shared, holding) > 0;
  }

  /** Let others who wait come first: for those who take one turn after the other. */
  async yield(): Promise<void> {
    if (Atomics.load(this.#shared, waiting) > 0) await new Promise((resolve) => setTimeout(resolve, courtesy));
  }

  #take(): boolean {
    return Atomics.compareExchange(this.#shared, state, free, taken) === free;
  }

  async #wait(): Promise<void> {
    Atomics.add(this.#shared, waiting, 1);
    try {
      const deadline = performance.now() + longest;
      while (!this.#take()) {
        const left = deadline - performance.now();
        if (left <= 0) return;
        await Atomics.waitAsync(this.#shared, state, taken, left).value;
      }
    } finally {
      Atomics.sub(this.#shared, waiting, 1);
    }
  }
}
