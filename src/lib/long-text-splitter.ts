import { ServiceError } from '#lib/errors.ts';
import { assertKept, decodeJsonText } from '#lib/safe-json.ts';

/** Characters of a text, as it is written, that stays where it is. */
const longest = 65_536;
/** Characters of all else. */
const mostRest = 1_048_576;

/**
 * Splits JSON that comes in pieces: the one long text in it is given out as it comes, decoded, and a token stands in its
 * place. Neither memory nor the time of one step grow with the text.
 */
export class LongTextSplitter {
  readonly #token: string;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #rest = '';
  /** What was read of the text that is open, and not given out; undefined between texts. */
  #open: string | undefined;
  #isLong = false;
  #hasLong = false;
  /** The first half of a surrogate pair whose other half is still to come. */
  #half = '';

  /** @param token takes the place of the long text */
  constructor(token: string) {
    this.#token = token;
  }

  /** Whether there was a long text. */
  get hasLong(): boolean {
    return this.#hasLong;
  }

  /** Take a piece. @returns what it holds of the long text. @throws ServiceError request-invalid, too-large */
  push(octets: Uint8Array): string {
    return this.#take(this.#decoder.decode(octets, { stream: true }));
  }

  /** Return all but the long text. @throws ServiceError request-invalid, too-large */
  end(): string {
    this.#take(this.#decoder.decode());
    return this.#rest + (this.#open === undefined ? '' : `"${this.#open}`);
  }

  #take(text: string): string {
    let given = '';
    for (let at = 0; at < text.length;) {
      if (this.#open === undefined) {
        const quote = text.indexOf('"', at);
        this.#keep(text.slice(at, quote === -1 ? text.length : quote));
        if (quote === -1) break;
        this.#open = '';
        at = quote + 1;
      } else {
        const known: string = this.#open;
        const all = known + text.slice(at);
        const end = endOfText(all);
        if (!this.#hasLong && (end === -1 ? all.length : end) > longest) this.#isLong = this.#hasLong = true;
        given += end === -1 ? this.#goOn(all) : this.#close(all.slice(0, end));
        at = end === -1 ? text.length : at + end - known.length + 1;
      }
    }
    return given;
  }

  #goOn(text: string): string {
    if (!this.#isLong) {
      if (text.length > mostRest) throw tooLarge();
      this.#open = text;
      return '';
    }
    const cut = cutOf(text);
    this.#open = text.slice(cut);
    return this.#decode(text.slice(0, cut), false);
  }

  #close(text: string): string {
    const isLong = this.#isLong;
    this.#open = undefined;
    this.#isLong = false;
    this.#keep(isLong ? JSON.stringify(this.#token) : `"${text}"`);
    return isLong ? this.#decode(text, true) : '';
  }

  #decode(text: string, isEnd: boolean): string {
    let decoded = this.#half + decodeJsonText(text);
    this.#half = '';
    if (!isEnd && isFirstHalf(decoded.charCodeAt(decoded.length - 1))) {
      this.#half = decoded.slice(-1);
      decoded = decoded.slice(0, -1);
    }
    assertKept(decoded);
    return decoded;
  }

  #keep(text: string): void {
    this.#rest += text;
    if (this.#rest.length > mostRest) throw tooLarge();
  }
}

function isFirstHalf(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function tooLarge(): ServiceError {
  return new ServiceError('too-large', `besides one long text the body has more than ${mostRest} characters`);
}

/** Find the quote that ends a text; -1 where it goes on. */
function endOfText(text: string): number {
  let quote = text.indexOf('"');
  while (quote !== -1 && slashesBefore(text, quote) % 2 === 1) quote = text.indexOf('"', quote + 1);
  return quote;
}

/** Find where a text can be cut without cutting an escape. */
function cutOf(text: string): number {
  const slash = text.lastIndexOf('\\');
  if (slash === -1 || slashesBefore(text, slash) % 2 === 1) return text.length;
  const length = text[slash + 1] === 'u' ? 6 : 2;
  return slash + length > text.length ? slash : text.length;
}

function slashesBefore(text: string, index: number): number {
  let count = 0;
  while (text[index - 1 - count] === '\\') count += 1;
  return count;
}
