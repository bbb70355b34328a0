import { DnsError } from '#dns/errors.ts';
import type { Tokens } from '#dns/rdata/tokens.ts';

/** What the tokenizer found: a record or directive, that it needs more text, or the end of the file. */
export type Found = 'record' | 'more' | 'end';

/** The longest record in characters, so that a quote that nobody closed does not eat the memory. */
const maxRecordLength = 1_048_576;

/**
 * A record longer than this, in characters, is read anew only once it has grown by half: text that comes octet by octet
 * must not cost the square of its length.
 */
const longRecord = 4096;

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const openParenthesis = 0x28;
const closeParenthesis = 0x29;
const semicolon = 0x3b;
const equals = 0x3d;
const backslash = 0x5c;

/**
 * Splits a master file into records and records into words. Text is fed in pieces that may break anywhere; a record that
 * a piece does not end is read anew once more text is there.
 *
 * Source: RFC 1035 §5.1.
 */
export class Tokenizer {
  /** Line of the record found last, from 1. */
  line = 1;
  /** Whether the record began with white space, so that it has the owner of the record before. */
  ownerIsBlank = false;
  #text = '';
  #position = 0;
  /** Line at `#position`, and the index in `#text` at which that line starts. */
  #currentLine = 1;
  #lineStart = 0;
  #ended = false;
  /** Text that was fed and is not looked at before there are `#wanted` characters of it. */
  #pending = '';
  #wanted = 0;
  readonly #fileName: string;
  readonly #tokens: Tokens;

  constructor(fileName: string, tokens: Tokens) {
    this.#fileName = fileName;
    this.#tokens = tokens;
  }

  /** Add text behind what is there. @throws DnsError zone-file-invalid when one record has grown too long */
  feed(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= this.#wanted) this.#takePending();
  }

  #takePending(): void {
    const rest = this.#text.slice(this.#position);
    if (rest.length > maxRecordLength)
      throw this.#error(
        this.#currentLine,
        1,
        'a record is longer than a mebibyte: is a quote or parenthesis left open?',
      );
    this.#lineStart -= this.#position;
    this.#position = 0;
    this.#text = rest + this.#pending;
    this.#pending = '';
  }

  /** Say that no more text comes. */
  end(): void {
    if (this.#pending !== '') this.#takePending();
    this.#ended = true;
  }

  /** Text that is there. */
  get text(): string {
    return this.#text;
  }

  /** Where in the text the next record begins, or white space, comments and empty lines before it. */
  get position(): number {
    return this.#position;
  }

  /** Go on behind a line that was read as a whole. @param end where the next one begins */
  passLine(end: number): void {
    this.#position = this.#lineStart = end;
    this.#currentLine += 1;
  }

  /** Read the next record's words into the tokens; empty lines and comments are passed over. @throws DnsError */
  next(): Found {
    if (this.#pending !== '') return 'more';
    const found = this.#scan();
    const rest = this.#text.length - this.#position;
    this.#wanted = found === 'more' && rest > longRecord ? rest >>> 1 : 0;
    return found;
  }

  #scan(): Found {
    const text = this.#text;
    const tokens = this.#tokens;
    let position = this.#position;
    let line = this.#currentLine;
    let lineStart = this.#lineStart;
    let depth = 0;
    let openedAt: { line: number; column: number } | undefined;
    let count = 0;
    let started = false;
    tokens.clear();
    while (position < text.length) {
      const code = text.charCodeAt(position);
      if (!started) {
        this.line = line;
        this.ownerIsBlank = code === space || code === tab;
        started = true;
      }
      if (code === space || code === tab || code === carriageReturn) {
        position += 1;
      } else if (code === lineFeed) {
        position += 1;
        line += 1;
        lineStart = position;
        if (depth === 0) {
          this.#position = position;
          this.#currentLine = line;
          this.#lineStart = lineStart;
          if (count > 0) return 'record';
          started = false;
        }
      } else if (code === semicolon) {
        const newline = text.indexOf('\n', position);
        if (newline < 0 && !this.#ended) return 'more';
        position = newline < 0 ? text.length : newline;
      } else if (code === openParenthesis) {
        openedAt ??= { line, column: position - lineStart + 1 };
        depth += 1;
        position += 1;
      } else if (code === closeParenthesis) {
        if (depth === 0) throw this.#error(line, position - lineStart + 1, '")" closes nothing');
        depth -= 1;
        position += 1;
        if (depth === 0) openedAt = undefined;
      } else {
        const end =
          code === quote ? this.#quotedEnd(position, line, lineStart) : this.#wordEnd(position, line, lineStart);
        if (end < 0) return 'more';
        const word = code === quote ? text.slice(position + 1, end - 1) : withoutInnerQuotes(text.slice(position, end));
        tokens.add(word, code === quote, line, position - lineStart + 1);
        count += 1;
        position = end;
      }
    }
    if (!this.#ended) return 'more';
    if (depth > 0)
      throw this.#error(openedAt?.line ?? line, openedAt?.column ?? 1, '"(" is never closed: expected ")"');
    this.#position = position;
    return count > 0 ? 'record' : 'end';
  }

  /** Return the index after the closing quote, or -1 when more text is needed. */
  #quotedEnd(start: number, line: number, lineStart: number): number {
    const text = this.#text;
    for (let position = start + 1; position < text.length; position++) {
      const code = text.charCodeAt(position);
      if (code === backslash) position += 1;
      else if (code === quote) return position + 1;
      else if (code === lineFeed) break;
    }
    if (!this.#ended && !text.includes('\n', start)) return -1;
    throw this.#error(
      line,
      start - lineStart + 1,
      'the quoted string is not closed: expected " before the end of the line',
    );
  }

  /** Return the index after an unquoted word, or -1 when the text ends within it. `key="…"` is one word. */
  #wordEnd(start: number, line: number, lineStart: number): number {
    const text = this.#text;
    let position = start;
    while (position < text.length) {
      const code = text.charCodeAt(position);
      if (code === backslash) {
        position += 2;
      } else if (code === quote && text.charCodeAt(position - 1) === equals) {
        position = this.#quotedEnd(position, line, lineStart);
        if (position < 0) return -1;
      } else if (
        code <= space
          ? code === space || code === tab || code === lineFeed || code === carriageReturn
          : code === semicolon || code === openParenthesis || code === closeParenthesis || code === quote
      ) {
        return position;
      } else {
        position += 1;
      }
    }
    return this.#ended ? text.length : -1;
  }

  #error(line: number, column: number, what: string): DnsError {
    return zoneFileError(this.#fileName, line, column, what);
  }
}

/** Take the quotes out of `key="value"`. */
function withoutInnerQuotes(word: string): string {
  const opening = word.indexOf('="');
  return opening > 0 && word.endsWith('"') && word.length > opening + 2
    ? word.slice(0, opening + 1) + word.slice(opening + 2, -1)
    : word;
}

export function zoneFileError(fileName: string, line: number, column: number, what: string, cause?: unknown): DnsError {
  return new DnsError('zone-file-invalid', `${fileName}:${line}:${column}: ${what}`, {
    details: { file: fileName, line, column },
    ...(cause === undefined ? {} : { cause }),
  });
}
