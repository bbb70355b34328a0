/** Work that is done over and over until it is stopped. */
export interface Repetition {
  /** End after the round that is under way. */
  stop(): Promise<void>;
}

/**
 * Do something at once and then again and again, each round only when the one before is over.
 *
 * @param interval milliseconds between the end of a round and the next one
 * @param onError told of each round that failed
 */
export function repeat(interval: number, work: () => Promise<unknown>, onError: (error: unknown) => void): Repetition {
  const stopping = new AbortController();
  const rounds = (async () => {
    while (!stopping.signal.aborted) {
      await work().catch(onError);
      await pause(interval, stopping.signal);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await rounds;
    },
  };
}

/** Resolves after some milliseconds, or as soon as the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    signal.addEventListener('abort', wake);
    if (signal.aborted) wake();
  });
}
