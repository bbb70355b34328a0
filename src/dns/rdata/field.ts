import type { Octets } from '#lib/octets.ts';
import type { TextOctets } from '#lib/text-octets.ts';
import { DnsError } from '#dns/errors.ts';
import type { Tokens } from '#dns/rdata/tokens.ts';

/**
 * One field of a type's RDATA. A type's schema is a list of fields; text, wire, validation and canonical form all follow
 * from it.
 */
export interface Field {
  /** Read the field's words and compose its octets. @throws DnsError rdata-invalid, name-invalid */
  parse(tokens: Tokens): Octets;
  /** Check the field at `start` and return the index after it. @throws DnsError rdata-invalid, name-invalid */
  end(wire: Octets, start: number): number;
  /**
   * Print the octets from `start` to `end`, which `end` found valid. An empty text is left out of the line; `false` says
   * that no text would be read back as these octets, so that the RDATA is printed as `\\#`.
   */
  print(wire: Octets, start: number, end: number, out: TextOctets): false | undefined;
  /** Set on names that the canonical form lower-cases. Source: RFC 4034 §6.2. */
  readonly lowerCased?: true;
  /** Set on fields that hold exactly one name. */
  readonly holdsName?: true;
}

/** Print a field by its text, where that is not done by the million. */
export function printedAs(format: (wire: Octets, start: number, end: number) => string | undefined): Field['print'] {
  return (wire, start, end, out) => {
    const text = format(wire, start, end);
    if (text === undefined) return false;
    out.text(text);
    return undefined;
  };
}

/** Return the index after `length` octets. @throws DnsError rdata-invalid when there are fewer */
export function fixedEnd(wire: Octets, start: number, length: number, what: string): number {
  const end = start + length;
  if (end > wire.length) {
    throw new DnsError(
      'rdata-invalid',
      `the RDATA is cut short: ${what} needs ${length} octets, ${wire.length - start} are left`,
    );
  }
  return end;
}

export function wrongWord(word: string, expected: string): DnsError {
  return new DnsError('rdata-invalid', `"${word.slice(0, 100)}" was found where ${expected} was expected`);
}
