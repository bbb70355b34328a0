import type { Octets } from '#lib/octets.ts';
import type { TextOctets } from '#lib/text-octets.ts';
import { DnsError } from '#dns/errors.ts';

declare const name: unique symbol;
declare const canonical: unique symbol;
declare const orderKey: unique symbol;

/**
 * An absolute domain name in uncompressed wire form: length-prefixed labels of 1–63 octets and the root's zero octet,
 * at most 255 octets in all, letter case as given.
 *
 * Source: RFC 1035 §3.1.
 */
export type Name = Octets & { readonly [name]: true };

/** A name whose ASCII letters are lower case, so that equal names are equal strings. Source: RFC 4034 §6.2. */
export type CanonicalName = Name & { readonly [canonical]: true };

/**
 * A string that sorts with `<` as its name does in canonical order, and that is a prefix of the key of every name below
 * it. Labels stand from the root down, each ended by octet 0; octets 0 and 1 within a label become 1 1 and 1 2.
 *
 * Source: RFC 4034 §6.1.
 */
export type OrderKey = string & { readonly [orderKey]: true };

export const rootName = '\0' as CanonicalName;
const rootKey = '' as OrderKey;

const maxLabelOctets = 63;
const maxNameOctets = 255;
const backslash = 0x5c;
const dot = 0x2e;

/**
 * Parse presentation form, with `\.` and `\DDD` escapes. A name without a final dot is relative to `origin`; without an
 * origin it is taken as absolute.
 *
 * Source: RFC 1035 §5.1, RFC 4343 §2.1.
 *
 * @throws DnsError name-invalid
 */
export function parseName(text: string, origin: Name = rootName): Name {
  if (text === '@') return origin;
  if (text === '.') return rootName;
  if (text === '') throw invalid(text, 'it is empty');
  let wire = '';
  let label = '';
  /** Where the part begins that stands for itself. */
  let start = 0;
  let index = 0;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code === dot) {
      wire += composeLabel(label + text.slice(start, index), text);
      label = '';
      start = index += 1;
    } else if (code === backslash) {
      const [octet, length] = parseEscape(text, index);
      label += text.slice(start, index) + octet;
      start = index += length;
    } else if (code > 0xff) {
      throw invalid(
        text,
        `"${String.fromCodePoint(text.codePointAt(index) ?? 0)}" is not an octet; write IDNs as A-labels (xn--…)`,
      );
    } else {
      index += 1;
    }
  }
  label += text.slice(start);
  wire = label === '' ? wire + rootName : wire + composeLabel(label, text) + origin;
  if (wire.length > maxNameOctets) throw invalid(text, `it has ${wire.length} octets, at most ${maxNameOctets} fit`);
  return wire as Name;
}

/**
 * Parse a name of a master file: relative to `origin`, or absolute where no origin is known yet.
 *
 * @throws DnsError name-invalid
 */
export function resolveName(text: string, origin: Name | undefined): Name {
  if (origin !== undefined) return parseName(text, origin);
  if (!/(?:^|[^\\])(?:\\\\)*\.$/.test(text)) {
    throw invalid(text, 'it is relative and no origin is known: state one, or end the name with a dot');
  }
  return parseName(text);
}

function composeLabel(label: string, text: string): string {
  if (label === '') throw invalid(text, 'it has an empty label');
  if (label.length > maxLabelOctets)
    throw invalid(text, `a label has ${label.length} octets, at most ${maxLabelOctets} fit`);
  return String.fromCharCode(label.length) + label;
}

/** Read the escape at `index`: the octet it stands for and the length of the escape in characters. */
function parseEscape(text: string, index: number): [octet: string, length: number] {
  const next = text[index + 1];
  if (next === undefined) throw invalid(text, 'it ends in a lone backslash');
  if (next < '0' || next > '9') return [next, 2];
  const digits = text.slice(index + 1, index + 4);
  if (!/^\d{3}$/.test(digits) || Number(digits) > 255) {
    throw invalid(text, `"\\${digits}" is not three decimal digits up to 255`);
  }
  return [String.fromCharCode(Number(digits)), 4];
}

function invalid(text: string, why: string): DnsError {
  const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return new DnsError('name-invalid', `"${shown}" is not a domain name: ${why}`);
}

/**
 * Check octets that claim to be a whole uncompressed name and return them as one.
 *
 * @throws DnsError name-invalid
 */
export function nameFromWire(wire: Octets): Name {
  const length = nameLengthAt(wire, 0);
  if (length !== wire.length)
    throw new DnsError('name-invalid', `a name of ${length} octets is followed by ${wire.length - length} more`);
  return wire as Name;
}

/**
 * Return the length in octets of the uncompressed name that starts at `offset`.
 *
 * @throws DnsError name-invalid when it is cut short, compressed, or longer than 255 octets
 */
export function nameLengthAt(wire: Octets, offset: number): number {
  let position = offset;
  for (;;) {
    if (position >= wire.length) throw new DnsError('name-invalid', `the name at octet ${offset} is cut short`);
    const length = wire.charCodeAt(position);
    if (length > maxLabelOctets)
      throw new DnsError(
        'name-invalid',
        `the name at octet ${offset} has a label of type ${length >>> 6}; names in RDATA are not compressed`,
      );
    position += length + 1;
    if (position - offset > maxNameOctets)
      throw new DnsError('name-invalid', `the name at octet ${offset} is longer than ${maxNameOctets} octets`);
    if (length === 0) return position - offset;
  }
}

/** Format as presentation form with a final dot; octets outside printable ASCII become `\DDD`. */
export function formatName(value: Name): string {
  if (value === rootName) return '.';
  let text = '';
  for (let start = 1; start < value.length;) {
    const end = start + value.charCodeAt(start - 1);
    const label = value.slice(start, end);
    text += isPlain(value, start, end) ? `${label}.` : `${formatLabel(label)}.`;
    start = end + 1;
  }
  return text;
}

/** Print the name that lies in `wire` from `start` to `end`, as `formatName` formats it. */
export function printName(wire: Octets, start: number, end: number, out: TextOctets): void {
  if (start + 1 === end) out.octet(dot);
  for (let label = start + 1; label < end;) {
    const labelEnd = label + wire.charCodeAt(label - 1);
    if (isPlain(wire, label, labelEnd)) out.part(wire, label, labelEnd);
    else out.text(formatLabel(wire.slice(label, labelEnd)));
    out.octet(dot);
    label = labelEnd + 1;
  }
}

/** Tell whether there are only letters, digits, `-` and `_`. */
function isPlain(value: Octets, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    const code = value.charCodeAt(index);
    const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
    if (!isLetter && !(code >= 0x30 && code <= 0x39) && code !== 0x2d && code !== 0x5f) return false;
  }
  return true;
}

/** Knot DNS takes no other octet as it stands. */
const needsEscape = /[^*\-/0-9A-Z_a-z]/g;

function formatLabel(label: string): string {
  return label.replace(needsEscape, (character) => {
    const code = character.charCodeAt(0);
    return code > 0x20 && code < 0x7f ? `\\${character}` : `\\${String(code).padStart(3, '0')}`;
  });
}

/** Return the labels from left to right, without the root's. */
export function labelsOf(value: Name): Octets[] {
  const labels: Octets[] = [];
  for (let position = 0; value.charCodeAt(position) !== 0; position += value.charCodeAt(position) + 1) {
    labels.push(value.slice(position + 1, position + 1 + value.charCodeAt(position)) as Octets);
  }
  return labels;
}

/** Count labels without the root's; a leftmost `*` counts. */
export function countLabels(value: Name): number {
  let count = 0;
  for (let position = 0; value.charCodeAt(position) !== 0; position += value.charCodeAt(position) + 1) count += 1;
  return count;
}

const upperCase = /[A-Z]+/g;

/**
 * Lower-case ASCII letters and nothing else. Length octets are at most 63, so no length is mistaken for a letter.
 *
 * Source: RFC 4034 §6.2, RFC 4343 §3.
 */
export function canonicalName(value: Name): CanonicalName {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code >= 0x41 && code <= 0x5a)
      return value.replace(upperCase, (letters) => letters.toLowerCase()) as CanonicalName;
  }
  return value as CanonicalName;
}

/** Tell whether the leftmost label is `*`. Source: RFC 4592 §2.1.1. */
export function isWildcard(value: Name): boolean {
  return value.charCodeAt(0) === 1 && value.charCodeAt(1) === 0x2a;
}

/** Return the name without its leftmost label; the root has no parent. */
export function parentOf<N extends Name>(value: N): N | undefined {
  const length = value.charCodeAt(0);
  return length === 0 ? undefined : (value.slice(length + 1) as N);
}

/** Tell whether `value` is `ancestor` or a name below it. */
export function isWithin(value: CanonicalName, ancestor: CanonicalName): boolean {
  let position = value.length - ancestor.length;
  if (position < 0 || !value.endsWith(ancestor)) return false;
  for (let at = 0; at <= position; at += value.charCodeAt(at) + 1) if (at === position) return true;
  return false;
}

/**
 * Put `label` (1–63 octets) in front of a name.
 *
 * @throws DnsError name-invalid when the result is longer than 255 octets
 */
export function prependLabel(label: string, value: Name): Name {
  const wire = composeLabel(label, label) + value;
  if (wire.length > maxNameOctets)
    throw invalid(label, `below ${formatName(value)} it makes more than ${maxNameOctets} octets`);
  return wire as Name;
}

/**
 * Compose the key by which a name sorts canonically.
 *
 * Source: RFC 4034 §6.1.
 *
 * @param ancestor a name that `value` is within
 * @param ancestorKey its key
 */
export function orderKeyOf(
  value: CanonicalName,
  ancestor: CanonicalName = rootName,
  ancestorKey: OrderKey = rootKey,
): OrderKey {
  const below = value.length - ancestor.length;
  let key = '';
  for (let position = 0; position < below;) {
    const end = position + 1 + value.charCodeAt(position);
    const label = value.slice(position + 1, end);
    key = hasReserved(label) ? `${escapeReserved(label)}\0${key}` : `${label}\0${key}`;
    position = end;
  }
  return (ancestorKey + key) as OrderKey;
}

function hasReserved(label: string): boolean {
  for (let index = 0; index < label.length; index++) if (label.charCodeAt(index) <= 1) return true;
  return false;
}

function escapeReserved(label: string): string {
  return label.replaceAll('\x01', '\x01\x02').replaceAll('\0', '\x01\x01');
}

/** Compare by canonical order. Source: RFC 4034 §6.1. */
export function compareNames(left: CanonicalName, right: CanonicalName): -1 | 0 | 1 {
  const leftKey = orderKeyOf(left);
  const rightKey = orderKeyOf(right);
  return leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : 0;
}
