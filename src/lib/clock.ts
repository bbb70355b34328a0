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

const instant = /^\d{4}-\d{2}-(\d{2})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/i;

/**
 * Parse an RFC 3339 time into milliseconds since the epoch; a text that is no such time gives `undefined`.
 *
 * Source: RFC 3339 §5.6.
 */
export function parseInstant(text: string): number | undefined {
  const day = instant.exec(text)?.[1];
  if (day === undefined) return undefined;
  const milliseconds = Date.parse(text.toUpperCase());
  // 30 February is taken for 2 March: the day must be the one that was written.
  const written = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
  const isDay = !Number.isNaN(written) && new Date(written).getUTCDate() === Number(day);
  return Number.isNaN(milliseconds) || !isDay ? undefined : milliseconds;
}

const daySeconds = 86_400;

/** Days as they are printed: times that are formatted by the million lie within a few of them. */
const dayTexts = new Map<number, string>();
const mostDayTexts = 100;

/** Format seconds since the epoch as YYYYMMDDHHmmSS in UTC. */
export function formatCompactTime(seconds: number): string {
  return formatCompactDay(seconds) + String(clockDigits(seconds)).padStart(6, '0');
}

/** Format the day of a time, in seconds since the epoch, as YYYYMMDD in UTC. */
export function formatCompactDay(seconds: number): string {
  const day = Math.floor(seconds / daySeconds);
  let text = dayTexts.get(day);
  if (text === undefined) {
    text = new Date(day * daySeconds * 1000).toISOString().slice(0, 10).replaceAll('-', '');
    if (dayTexts.size >= mostDayTexts) dayTexts.clear();
    dayTexts.set(day, text);
  }
  return text;
}

/** Return the time of the day, of seconds since the epoch, as the number whose six digits are HHmmSS in UTC. */
export function clockDigits(seconds: number): number {
  const time = Math.floor(seconds) - Math.floor(seconds / daySeconds) * daySeconds;
  return Math.floor(time / 3600) * 10_000 + (Math.floor(time / 60) % 60) * 100 + (time % 60);
}

const compactTime = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})$/;

/** Parse YYYYMMDDHHmmSS in UTC into seconds since the epoch; a text that is no such time gives `undefined`. */
export function parseCompactTime(text: string): number | undefined {
  const iso = compactTime.test(text) ? text.replace(compactTime, '$1-$2-$3T$4:$5:$6Z') : '';
  const seconds = Date.parse(iso) / 1000;
  return Number.isNaN(seconds) || formatCompactTime(seconds) !== text ? undefined : seconds;
}
