import { DnsError } from '#dns/errors.ts';
import type { Name } from '#dns/name.ts';

/**
 * The words of one record in presentation form, read from left to right. A word's text is raw: escapes stand in it as
 * written. Positions are kept for error messages.
 */
export class Tokens {
  /** What relative names are relative to; without it they are an error. */
  origin: Name | undefined;
  readonly #texts: string[] = [];
  readonly #quoted: boolean[] = [];
  readonly #lines: number[] = [];
  readonly #columns: number[] = [];
  #count = 0;
  #position = 0;

  clear(): void {
    this.#count = 0;
    this.#position = 0;
  }

  add(text: string, quoted: boolean, line: number, column: number): void {
    this.#texts[this.#count] = text;
    this.#quoted[this.#count] = quoted;
    this.#lines[this.#count] = line;
    this.#columns[this.#count] = column;
    this.#count += 1;
  }

  get remaining(): number {
    return this.#count - this.#position;
  }

  /** Return the next word without reading past it. */
  peek(): string | undefined {
    return this.#position < this.#count ? this.#texts[this.#position] : undefined;
  }

  get nextIsQuoted(): boolean {
    return this.#position < this.#count && this.#quoted[this.#position] === true;
  }

  /** Read a word. @throws DnsError rdata-invalid at the end of the record */
  next(expected: string): string {
    if (this.#position >= this.#count) {
      throw new DnsError('rdata-invalid', `the record ends where ${expected} was expected`);
    }
    return this.#texts[this.#position++] as string;
  }

  /** Read a word, or `undefined` at the end. */
  tryNext(): string | undefined {
    return this.#position < this.#count ? this.#texts[this.#position++] : undefined;
  }

  /** Step back over the last word. */
  back(): void {
    this.#position -= 1;
  }

  /** Line and column (from 1) of the word read last; of the first word when none was read. */
  get place(): { line: number; column: number } {
    const index = Math.max(0, this.#position - 1);
    return { line: this.#lines[index] ?? 1, column: this.#columns[index] ?? 1 };
  }
}
