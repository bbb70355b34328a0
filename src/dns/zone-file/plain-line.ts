import { octetsFrom, writeOctets } from '#lib/octets.ts';
import type { Name } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { parseIpv6 } from '#dns/rdata/address-fields.ts';
import { maxTtl } from '#dns/ttl.ts';

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const dot = 0x2e;
const zero = 0x30;

/** Octets that stand for themselves in a name, whatever stands beside them. */
const isPlain = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_*/')
  isPlain[character.charCodeAt(0)] = 1;

/** RDATA that is a name, or a number and a name, or an address. */
type Form = 'name' | 'preference' | 'ipv4' | 'ipv6';

interface PlainType {
  readonly type: RRType;
  readonly form: Form;
}

/** By the letters of the mnemonic, five bits for each. */
const plainTypes = new Map<number, PlainType>(
  (
    [
      ['A', 'ipv4'],
      ['AAAA', 'ipv6'],
      ['NS', 'name'],
      ['CNAME', 'name'],
      ['PTR', 'name'],
      ['MX', 'preference'],
    ] as const
  ).map(([mnemonic, form]) => {
    const letters = Array.from(mnemonic, (letter) => letter.charCodeAt(0) & 31);
    return [letters.reduce((packed, letter) => packed * 32 + letter, 0), { type: rrTypes[mnemonic], form }];
  }),
);
const mostLetters = 5;

const maxLabel = 63;
const maxName = 255;
/** Longer lines are for the tokenizer. */
const maxLine = 1000;

/**
 * Reads lines as most of a large zone are: an owner or white space, TTL and class or not, a common type and its RDATA, without
 * escapes, quotes, parentheses or a comment. Such a line needs no words, and so takes a quarter of the time. Whatever else
 * stands there, and whatever is wrong, is left to the tokenizer, which reads plain lines to the same effect.
 */
export class PlainLine {
  /** Where the owner ends that the line begins with; at its start when the line takes over the one before. */
  ownerEnd = 0;
  /** The owner, unless it is the one before. */
  owner: Name | undefined;
  /** Seconds, if the line says so. */
  ttl: number | undefined;
  type: RRType = 0;
  rdata = '' as Rdata;
  /** Where the next line begins. */
  end = 0;
  #text = '';
  #at = 0;
  readonly #scratch = new Uint8Array(maxLine + 2 * maxName);
  #length = 0;

  /**
   * Read the line that begins at `start`, if it is a plain one and ends in the text.
   *
   * @param ownerWord how the owner before is written, if relative names mean the same since
   */
  read(text: string, start: number, origin: Name | undefined, ownerWord: string | undefined): boolean {
    const newline = text.indexOf('\n', start);
    if (newline < 0 || newline - start > maxLine) return false;
    this.#text = text;
    this.#at = start;
    return this.#readOwner(origin, ownerWord) && this.#readRest(origin) && this.#readEnd();
  }

  #readOwner(origin: Name | undefined, ownerWord: string | undefined): boolean {
    this.owner = undefined;
    if (ownerWord !== undefined && this.#text.startsWith(ownerWord, this.#at)) {
      const end = this.#at + ownerWord.length;
      if (isBlank(this.#text.charCodeAt(end))) {
        this.#at = this.ownerEnd = end;
        return this.#passBlanks();
      }
    }
    if (!isBlank(this.#text.charCodeAt(this.#at))) {
      this.#length = 0;
      if (!this.#readName(origin)) return false;
      this.owner = this.#written() as string as Name;
    }
    this.ownerEnd = this.#at;
    return this.#passBlanks();
  }

  /** Read what follows the owner, up to the end of the RDATA. */
  #readRest(origin: Name | undefined): boolean {
    this.ttl = undefined;
    let hasClass = false;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code >= zero && code <= zero + 9 && this.ttl === undefined) {
        this.ttl = this.#readNumber(maxTtl);
        if (this.ttl === undefined || !this.#passBlanks()) return false;
        continue;
      }
      const letters = this.#readLetters();
      if (letters < 0 || !this.#passBlanks()) return false;
      if (letters === classIn && !hasClass) {
        hasClass = true;
        continue;
      }
      const found = plainTypes.get(letters);
      if (found === undefined) return false;
      this.type = found.type;
      return this.#readRdata(found.form, origin);
    }
  }

  #readRdata(form: Form, origin: Name | undefined): boolean {
    this.#length = 0;
    if (form === 'ipv4') return this.#readIpv4();
    if (form === 'ipv6') return this.#readIpv6();
    if (form === 'preference') {
      const preference = this.#readNumber(0xffff);
      if (preference === undefined || !this.#passBlanks()) return false;
      this.#scratch[0] = preference >>> 8;
      this.#scratch[1] = preference;
      this.#length = 2;
    }
    if (!this.#readName(origin)) return false;
    this.rdata = this.#written();
    return true;
  }

  /** Only white space may follow. */
  #readEnd(): boolean {
    let code = this.#text.charCodeAt(this.#at);
    while (isBlank(code) || code === carriageReturn) code = this.#text.charCodeAt(++this.#at);
    this.end = this.#at + 1;
    return code === lineFeed;
  }

  /** Pass white space, of which there has to be some. */
  #passBlanks(): boolean {
    const start = this.#at;
    while (isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#at > start;
  }

  /** Write a name in wire form behind what is written. */
  #readName(origin: Name | undefined): boolean {
    const [text, scratch, start] = [this.#text, this.#scratch, this.#length];
    let at = this.#at;
    /** Where the length of the label goes, and where its next octet goes. */
    let lengthAt = start;
    let end = start + 1;
    for (let code = text.charCodeAt(at); ; code = text.charCodeAt(++at)) {
      if (isPlain[code] === 1) {
        scratch[end++] = code;
      } else if (code === dot) {
        const length = end - lengthAt - 1;
        if (length === 0 || length > maxLabel) return false;
        scratch[lengthAt] = length;
        lengthAt = end++;
      } else {
        break;
      }
    }
    if (at === this.#at) return false;
    const length = end - lengthAt - 1;
    scratch[lengthAt] = length;
    if (length > 0) {
      if (length > maxLabel || origin === undefined) return false;
      end = writeOctets(scratch, origin, end);
    }
    if (end - start > maxName) return false;
    this.#at = at;
    this.#length = end;
    return true;
  }

  #readIpv4(): boolean {
    let address = 0;
    for (let part = 0; part < 4; part++) {
      if (part > 0 && this.#text.charCodeAt(this.#at++) !== dot) return false;
      const start = this.#at;
      const octet = this.#readNumber(255);
      if (octet === undefined || (this.#at > start + 1 && this.#text.charCodeAt(start) === zero)) return false;
      address = (address << 8) | octet;
    }
    this.rdata = String.fromCharCode(
      address >>> 24,
      (address >>> 16) & 255,
      (address >>> 8) & 255,
      address & 255,
    ) as Rdata;
    return true;
  }

  #readIpv6(): boolean {
    let end = this.#at;
    for (let code = this.#text.charCodeAt(end); !isBlank(code); code = this.#text.charCodeAt(++end))
      if (code === carriageReturn || code === lineFeed) break;
    const address = parseIpv6(this.#text.slice(this.#at, end));
    this.#at = end;
    this.rdata = address as Rdata;
    return address !== undefined;
  }

  /** Read digits; undefined when there are none or too many, or more than `most`. */
  #readNumber(most: number): number | undefined {
    const start = this.#at;
    let value = 0;
    for (;;) {
      const digit = this.#text.charCodeAt(this.#at) - zero;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      if (value > most || ++this.#at - start > 10) return undefined;
    }
    return this.#at === start ? undefined : value;
  }

  /** Read a word of a few letters as a number; -1 when it has more or something else in it. */
  #readLetters(): number {
    const start = this.#at;
    let letters = 0;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at) | 0x20;
      if (code < 0x61 || code > 0x7a) break;
      letters = letters * 32 + (code & 31);
      if (++this.#at - start > mostLetters) return -1;
    }
    return this.#at === start ? -1 : letters;
  }

  #written(): Rdata {
    return octetsFrom(this.#scratch, 0, this.#length) as Rdata;
  }
}

/** `IN`, as `readLetters` gives it. */
const classIn = ('I'.charCodeAt(0) & 31) * 32 + ('N'.charCodeAt(0) & 31);

function isBlank(code: number): boolean {
  return code === space || code === tab;
}
