import type { Octets } from '#lib/octets.ts';
import { type TextOctets, textOf } from '#lib/text-octets.ts';
import { DnsError } from '#dns/errors.ts';

export const maxCharacterString = 255;

/**
 * Resolve `\X` and `\DDD` in a word of a master file.
 *
 * Source: RFC 1035 §5.1.
 *
 * @throws DnsError rdata-invalid
 */
export function unescapeText(raw: string): Octets {
  if (!raw.includes('\\')) return checkOctets(raw);
  let text = '';
  for (let index = 0; index < raw.length; index++) {
    if (raw[index] !== '\\') {
      text += raw[index];
      continue;
    }
    const digits = raw.slice(index + 1, index + 4);
    if (/^\d{3}$/.test(digits)) {
      if (Number(digits) > 255) throw new DnsError('rdata-invalid', `"\\${digits}" is above 255, the largest octet`);
      text += String.fromCharCode(Number(digits));
      index += 3;
    } else if (digits === '' || /^\d/.test(digits)) {
      throw new DnsError(
        'rdata-invalid',
        `"\\${digits}" is not an escape: write \\ and a character, or \\ and three digits`,
      );
    } else {
      text += digits[0];
      index += 1;
    }
  }
  return checkOctets(text);
}

function checkOctets(text: string): Octets {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0xff) {
      throw new DnsError(
        'rdata-invalid',
        `"${text.slice(index, index + 2)}" is not an octet: write it as UTF-8 in \\DDD escapes`,
      );
    }
  }
  return text as Octets;
}

const quote = 0x22;
const backslash = 0x5c;

/** Print the octets from `start` to `end` as a quoted string with escapes. */
export function printQuoted(value: Octets, start: number, end: number, out: TextOctets): void {
  out.octet(quote);
  for (let index = start; index < end; index++) {
    const code = value.charCodeAt(index);
    const isPrintable = code >= 0x20 && code < 0x7f;
    if (!isPrintable) {
      out.text(`\\${String(code).padStart(3, '0')}`);
      continue;
    }
    if (code === quote || code === backslash) out.octet(backslash);
    out.octet(code);
  }
  out.octet(quote);
}

/** Format octets as a quoted string with escapes. */
export function quoteText(value: Octets): string {
  return textOf((out) => printQuoted(value, 0, value.length, out));
}
