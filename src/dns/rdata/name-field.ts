import { nameLengthAt, printName, resolveName } from '#dns/name.ts';
import type { Field } from '#dns/rdata/field.ts';

/** A domain name whose case the canonical form keeps. */
export const nameField: Field = {
  holdsName: true,
  parse: (tokens) => resolveName(tokens.next('a domain name'), tokens.origin),
  end: (wire, start) => start + nameLengthAt(wire, start),
  print(wire, start, end, out) {
    printName(wire, start, end, out);
  },
};

/** A domain name that the canonical form lower-cases. Source: RFC 4034 §6.2. */
export const lowerCasedNameField: Field = { ...nameField, lowerCased: true };
