import { sliceOctets } from '#lib/octets.ts';
import { formatName, type Name, nameLengthAt, resolveName, rootName } from '#dns/name.ts';
import type { Field } from '#dns/rdata/field.ts';

/** The name formatted last: the RRSIGs of a zone all have the same signer's name. */
let lastName = rootName as Name;
let lastText = formatName(lastName);

/** A domain name whose case the canonical form keeps. */
export const nameField: Field = {
  holdsName: true,
  parse: (tokens) => resolveName(tokens.next('a domain name'), tokens.origin),
  end: (wire, start) => start + nameLengthAt(wire, start),
  format(wire, start, end) {
    const name = sliceOctets(wire, start, end) as Name;
    if (name !== lastName) {
      lastName = name;
      lastText = formatName(name);
    }
    return lastText;
  },
};

/** A domain name that the canonical form lower-cases. Source: RFC 4034 §6.2. */
export const lowerCasedNameField: Field = { ...nameField, lowerCased: true };
