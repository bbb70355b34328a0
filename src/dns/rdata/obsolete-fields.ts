import type { Octets } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { nameLengthAt } from '#dns/name.ts';
import { type Field, fixedEnd } from '#dns/rdata/field.ts';

/** A field of a type that nobody writes any more but whose names the canonical form lower-cases: it has no text here. */
function withoutText(end: (wire: Octets, start: number) => number): Field {
  return {
    parse() {
      throw new DnsError(
        'rdata-invalid',
        'this obsolete type has no text form here: write its RDATA as \\# length hex',
      );
    },
    end,
    print: () => false,
  };
}

/** Whatever follows, up to the end. */
export const restField: Field = withoutText((wire) => wire.length);

/** The length of an A6's prefix in bits, and the octets that hold the bits after it. Source: RFC 2874 §3.1. */
export const addressSuffixField: Field = withoutText((wire, start) => {
  const suffixStart = fixedEnd(wire, start, 1, 'the prefix length');
  const prefixLength = wire.charCodeAt(start);
  if (prefixLength > 128) throw new DnsError('rdata-invalid', `the prefix has ${prefixLength} bits, at most 128 fit`);
  return fixedEnd(wire, suffixStart, Math.ceil((128 - prefixLength) / 8), 'the address suffix');
});

/** The name that has an A6's prefix; without a prefix there is none. Source: RFC 2874 §3.1. */
export const prefixNameField: Field = {
  ...withoutText((wire, start) => (start === wire.length ? start : start + nameLengthAt(wire, start))),
  lowerCased: true,
};
