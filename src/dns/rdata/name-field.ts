import { sliceOctets } from '#lib/octets.ts';
import { formatName, type Name, nameLengthAt, resolveName } from '#dns/name.ts';
import type { Field } from '#dns/rdata/field.ts';

/** A domain name whose case the canonical form keeps. */
export const nameField: Field = {
  holdsName: true,
  parse: (tokens) => resolveName(tokens.next('a domain name'), tokens.origin),
  end: (wire, start) => start + nameLengthAt(wire, start),
  format: (wire, start, end) => formatName(sliceOctets(wire, start, end) as Name),
};

/** A domain name that the canonical form lower-cases. Source: RFC 4034 §6.2. */
export const lowerCasedNameField: Field = { ...nameField, lowerCased: true };
