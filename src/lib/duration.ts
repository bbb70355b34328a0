import { ServiceError } from '#lib/errors.ts';

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const shape = /^(?:\d+[smhdw])+$/i;

/**
 * Parse a duration such as `3600`, `90s`, `12h`, `14d` or `1w2d` into seconds; a bare number is seconds.
 *
 * @throws ServiceError duration-invalid
 */
export function parseDuration(text: string): number {
  if (/^\d+$/.test(text)) return checked(Number(text), text);
  if (!shape.test(text)) throw invalid(text);
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhdw])/gi)) {
    seconds += Number(count) * (unitSeconds[(unit ?? '').toLowerCase()] ?? 0);
  }
  return checked(seconds, text);
}

function checked(seconds: number, text: string): number {
  if (!Number.isSafeInteger(seconds)) throw invalid(text);
  return seconds;
}

function invalid(text: string): ServiceError {
  return new ServiceError(
    'duration-invalid',
    `"${text}" is not a duration: write seconds, or numbers with the units s, m, h, d, w such as 12h or 1w2d`,
  );
}
