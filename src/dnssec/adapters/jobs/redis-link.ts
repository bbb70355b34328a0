import { ServiceError } from '#lib/errors.ts';
import type { SecretText } from '#lib/secret-text.ts';

export class JobQueueError extends ServiceError<'unavailable'> {}

/** Milliseconds between two tries to reach Redis, at most. */
const longestPause = 2000;

/** How calls reach Redis: they fail soon when it is away. */
export function callOptions(url: SecretText) {
  return { ...common(url), maxRetriesPerRequest: 1, commandTimeout: 10_000, connectTimeout: 5000 };
}

/** How workers reach Redis: they wait for it, however long that takes. */
export function workerOptions(url: SecretText) {
  return { ...common(url), maxRetriesPerRequest: null, connectTimeout: 5000 };
}

function common(url: SecretText) {
  return {
    url: url.reveal(),
    connectionName: 'zoneseal',
    retryStrategy: (tries: number) => Math.min(100 * 2 ** Math.min(tries, 10), longestPause),
  };
}

/** Codes and texts with which a connection, or a command for want of one, fails. */
const lossOfConnection =
  /ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|Connection is closed|Stream isn't writeable|max retries per request|Command timed out|LOADING|UNBLOCKED/;

export function isLossOfConnection(error: unknown): boolean {
  const { code, message, name } = error as { code?: unknown; message?: unknown; name?: unknown };
  return [code, message, name].some((text) => typeof text === 'string' && lossOfConnection.test(text));
}

/** Call Redis. @throws JobQueueError unavailable */
export async function reaching<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (cause) {
    if (!isLossOfConnection(cause)) throw cause;
    throw new JobQueueError('unavailable', 'the queue cannot be reached: Redis is away', { cause });
  }
}

/**
 * Tells of a connection that is lost once, not at each try to get it back, and of another failure once a minute.
 *
 * @param now milliseconds
 */
export class ErrorDam {
  readonly #tell: (error: unknown) => void;
  readonly #now: () => number;
  readonly #told = new Map<string, number>();
  #isAway = false;

  constructor(tell: (error: unknown) => void, now: () => number) {
    this.#tell = tell;
    this.#now = now;
  }

  failed(error: unknown): void {
    if (isLossOfConnection(error)) {
      if (this.#isAway) return;
      this.#isAway = true;
      return this.#tell(error);
    }
    const text = String(error).replaceAll(/[\w-]*\d[\w-]*/g, '#'); // ids of jobs make no other failure
    const now = this.#now();
    if (now - (this.#told.get(text) ?? -Infinity) < 60_000) return;
    this.#told.clear();
    this.#told.set(text, now);
    this.#tell(error);
  }

  isBack(): void {
    this.#isAway = false;
  }
}
