import type { Octets } from '#lib/octets.ts';
import type { TextOctets } from '#lib/text-octets.ts';
import { DnsError } from '#dns/errors.ts';
import { maxCharacterString, printQuoted, unescapeText } from '#dns/rdata/character-string.ts';
import { type Field, fixedEnd } from '#dns/rdata/field.ts';

function composeString(raw: string): string {
  const text = unescapeText(raw);
  if (text.length > maxCharacterString) {
    throw new DnsError(
      'rdata-invalid',
      `a character string has ${text.length} octets, at most ${maxCharacterString} fit: split it`,
    );
  }
  return String.fromCharCode(text.length) + text;
}

function stringEnd(wire: Octets, start: number): number {
  const lengthEnd = fixedEnd(wire, start, 1, 'a character string');
  return fixedEnd(wire, lengthEnd, wire.charCodeAt(start), 'a character string');
}

function printString(wire: Octets, start: number, end: number, out: TextOctets): undefined {
  printQuoted(wire, start + 1, end, out);
}

/** One character string. Source: RFC 1035 §3.3. */
export const stringField = (name: string): Field => ({
  parse: (tokens) => composeString(tokens.next(name)) as Octets,
  end: stringEnd,
  print: printString,
});

/** One or more character strings up to the end of the record. Source: RFC 1035 §3.3.14. */
export const stringsField: Field = {
  parse(tokens) {
    let wire = composeString(tokens.next('a character string'));
    for (let word = tokens.tryNext(); word !== undefined; word = tokens.tryNext()) wire += composeString(word);
    return wire as Octets;
  },
  end(wire, start) {
    let position = stringEnd(wire, start);
    while (position < wire.length) position = stringEnd(wire, position);
    return position;
  },
  print(wire, start, end, out) {
    for (let position = start; position < end;) {
      const next = stringEnd(wire, position);
      if (position > start) out.text(' ');
      printString(wire, position, next, out);
      position = next;
    }
  },
};

/** One quoted text that runs to the end of the RDATA, without a length octet (CAA, URI). Source: RFC 8659 §4.1. */
export const longTextField: Field = {
  parse: (tokens) => unescapeText(tokens.next('a text')),
  end: (wire) => wire.length,
  print(wire, start, end, out) {
    printQuoted(wire, start, end, out);
  },
};

/** A CAA property tag: letters and digits. Source: RFC 8659 §4.1. */
export const tagField: Field = {
  parse(tokens) {
    const wire = composeString(tokens.next('a property tag'));
    assertTag(wire.slice(1));
    return wire as Octets;
  },
  end(wire, start) {
    const end = stringEnd(wire, start);
    assertTag(wire.slice(start + 1, end));
    return end;
  },
  print(wire, start, end, out) {
    out.part(wire, start + 1, end);
  },
};

function assertTag(tag: string): void {
  if (!/^[A-Za-z0-9]+$/.test(tag))
    throw new DnsError('rdata-invalid', `"${tag.slice(0, 50)}" is not a property tag: it has letters and digits only`);
}
