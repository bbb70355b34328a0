/** The only source of time. It is passed in and read once per operation, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Return whole seconds since 1970-01-01T00:00:00Z. */
export function secondsOf(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}

/** Format milliseconds since the epoch as RFC 3339 in UTC. */
export function formatInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
