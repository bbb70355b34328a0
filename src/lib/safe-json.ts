import { messageOf, ServiceError } from '#lib/errors.ts';

/** Where something that is to be refused could stand: all of it but a plain `__proto__` needs an escape. */
const suspicious = /__proto__|\\u/;

/** Objects and arrays inside each other. No body of ours comes near it; what checks or copies a body may be recursive. */
const mostNested = 64;

/**
 * Parse JSON of callers.
 *
 * @param tellsPlace whether an error names line and column of what is malformed
 * @throws ServiceError request-invalid when it is malformed, too deep, or holds what would do harm or be changed by a database
 */
export function parseSafeJson(text: string, tellsPlace = true): unknown {
  refuseDepth(text);
  try {
    return suspicious.test(text) ? JSON.parse(text, refuseUnsafe) : JSON.parse(text);
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw invalidJson(`the body is not valid JSON${tellsPlace ? placeOf(error, text) : ''}`);
  }
}

/** Count brackets outside of strings, before anything is built. */
function refuseDepth(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at);
    } else if (code === openBrace || code === openBracket) {
      depth += 1;
      if (depth > mostNested) {
        throw new ServiceError(
          'request-invalid',
          `the body has more than ${mostNested} objects and arrays in each other`,
          {
            details: { in: 'body', rule: 'depth' },
          },
        );
      }
    } else if (code === closeBrace || code === closeBracket) {
      depth -= 1;
    }
  }
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [34, 92, 123, 125, 91, 93];

/** Return where the string that begins at `start` ends; the end of the text where it does not. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

const unkept = 'a text with U+0000 or with half of a surrogate pair';

/**
 * Refuse a member named `__proto__`, which reaches an object's prototype when copied carelessly, and texts that do not
 * come back from a database as they went: with U+0000, or with half of a surrogate pair, which UTF-8 cannot spell.
 */
function refuseUnsafe(key: string, value: unknown): unknown {
  const fault =
    key === '__proto__'
      ? 'a member "__proto__"'
      : isKept(key) && (typeof value !== 'string' || isKept(value))
        ? undefined
        : unkept;
  if (fault === undefined) return value;
  throw invalidJson(`the body has ${fault}`);
}

function invalidJson(message: string): ServiceError {
  return new ServiceError('request-invalid', message, { details: { in: 'body', rule: 'json' } });
}

/** Decode what stands between the quotes of a text, or a part of it. @throws ServiceError request-invalid */
export function decodeJsonText(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    throw invalidJson('the body is not valid JSON: a text in it is malformed');
  }
}

/** @throws ServiceError request-invalid when a text would not come back from a database as it went there */
export function assertKept(text: string): void {
  if (!isKept(text)) throw invalidJson(`the body has ${unkept}`);
}

function isKept(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** Name the place only: what stands there may be a secret that should not come back or reach the log. */
function placeOf(error: unknown, text: string): string {
  const offset = /at position (\d+)/.exec(messageOf(error))?.[1];
  if (offset === undefined) return /end of JSON/.test(messageOf(error)) ? ': it ends too early' : '';
  const before = text.slice(0, Number(offset)).split('\n');
  return ` at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
