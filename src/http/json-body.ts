import type { FastifyInstance } from 'fastify';
import { RequestError } from '#app/http/problems.ts';
import { messageOf } from '#lib/errors.ts';

/**
 * Read JSON bodies and nothing else: other content types are 415 unless a route adds its parser. An empty body is no
 * body, since clients send the content type on calls without one.
 */
export function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    if (text.length === 0) {
      done(null, undefined);
      return;
    }
    try {
      done(null, parseJson(String(text)));
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}

/** Where something that is to be refused could stand: all of it but a plain `__proto__` needs an escape. */
const suspicious = /__proto__|\\u/;

/** Objects and arrays inside each other. No body of ours comes near it; what checks or copies a body may be recursive. */
const mostNested = 64;

function parseJson(text: string): unknown {
  refuseDepth(text);
  try {
    return suspicious.test(text) ? JSON.parse(text, refuseUnsafe) : JSON.parse(text);
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw new RequestError('request-invalid', `the body is not valid JSON${placeOf(error, text)}`, {
      details: { in: 'body', rule: 'json' },
    });
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
        throw new RequestError(
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
        : 'a text with U+0000 or with half of a surrogate pair';
  if (fault === undefined) return value;
  throw new RequestError('request-invalid', `the body has ${fault}`, { details: { in: 'body', rule: 'json' } });
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
