/** The signals that ask for an orderly end. */
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export interface StopRequest extends Disposable {
  /** Resolves with what asked for the end. It is asked for once; what comes after is ignored. */
  readonly asked: Promise<string>;
}

/**
 * Listen for the wish to end: a signal, or the end of the launcher that started this process (bin/zoneseal.js), which
 * cannot pass on its own SIGKILL but lets go of the channel between the two.
 */
export function listenForStop(): StopRequest {
  const { promise, resolve } = Promise.withResolvers<string>();
  const onSignal = (signal: NodeJS.Signals) => resolve(signal);
  const onDisconnect = () => resolve('the end of the launcher');
  for (const signal of signals) process.on(signal, onSignal);
  process.on('disconnect', onDisconnect);
  process.channel?.unref(); // the channel alone must not keep this process alive
  return {
    asked: promise,
    [Symbol.dispose]() {
      for (const signal of signals) process.removeListener(signal, onSignal);
      process.removeListener('disconnect', onDisconnect);
    },
  };
}

/**
 * Run the orderly end, but no longer than `milliseconds`: then the process exits with 1, which loses nothing, since all
 * that was acknowledged is on disk.
 */
export async function endWithin(milliseconds: number, end: () => Promise<void>, onTimeout: () => void): Promise<void> {
  const timer = setTimeout(() => {
    onTimeout();
    process.exit(1);
  }, milliseconds);
  try {
    await end();
  } finally {
    clearTimeout(timer);
  }
}
