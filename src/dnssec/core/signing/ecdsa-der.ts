import { DnssecError } from '#dnssec/core/errors.ts';

const sequenceTag = 0x30;
const integerTag = 0x02;

/** Octets that lie among others, from `start` to `end`. */
interface Run {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Read an ECDSA-Sig-Value and return r‖s, both left-padded to `width` octets.
 *
 * @throws DnssecError signature-invalid
 */
export function derToFixed(der: Uint8Array, width: number): Uint8Array {
  const fixed = new Uint8Array(2 * width);
  readDer({ bytes: der, start: 0, end: der.length }, { bytes: fixed, start: 0, end: fixed.length });
  return fixed;
}

/**
 * Read an ECDSA-Sig-Value into a target that has zeros and is as long as r‖s. Only the one DER encoding of two positive
 * integers is taken: another encoding of the same value means that something between us and the key is wrong.
 *
 * Source: RFC 3279 §2.2.3.
 *
 * @throws DnssecError signature-invalid
 */
export function readDer(der: Run, target: Run): void {
  if (der.start === der.end || der.bytes[der.start] !== sequenceTag) throw malformed('it is not a SEQUENCE');
  const [contentStart, contentLength] = readLength(der, der.start + 1);
  if (contentStart + contentLength !== der.end)
    throw malformed(`its length says ${contentLength} octets and ${der.end - contentStart} follow`);
  const middle = (target.start + target.end) / 2;
  const afterR = readInteger(der, contentStart, { ...target, end: middle });
  const afterS = readInteger(der, afterR, { ...target, start: middle });
  if (afterS !== der.end) throw malformed('octets follow the second integer');
}

/** Read the shortest form of a length below 256. */
function readLength({ bytes, end }: Run, at: number): [next: number, length: number] {
  if (at >= end) throw malformed('it is cut short');
  const first = bytes[at] as number;
  if (first < 0x80) return [at + 1, first];
  const second = at + 1 < end ? (bytes[at + 1] as number) : 0;
  if (first !== 0x81 || second < 0x80) throw malformed('a length is not in its shortest form');
  return [at + 2, second];
}

/** Read an INTEGER, right-aligned. @returns where the next thing begins */
function readInteger(der: Run, at: number, target: Run): number {
  const { bytes } = der;
  if (at >= der.end || bytes[at] !== integerTag) throw malformed('an INTEGER is missing');
  const [start, length] = readLength(der, at + 1);
  const end = start + length;
  if (length === 0 || end > der.end) throw malformed('an integer is cut short');
  const first = bytes[start] as number;
  if (first >= 0x80) throw malformed('an integer is negative');
  const padded = first === 0 && length > 1;
  if (padded && (bytes[start + 1] as number) < 0x80) throw malformed('an integer is not in its shortest form');
  const from = padded ? start + 1 : start;
  if (first === 0 && length === 1) throw malformed('an integer is zero');
  const width = target.end - target.start;
  if (end - from > width) throw malformed(`an integer has ${end - from} octets, at most ${width} fit`);
  let position = target.end - (end - from);
  for (let index = from; index < end; index++) target.bytes[position++] = bytes[index] as number;
  return end;
}

function malformed(why: string): DnssecError {
  return new DnssecError('signature-invalid', `the ECDSA signature from the KMS is not valid DER: ${why}`);
}

/** Compose the DER of r‖s; zero integers are kept, so that they fail in verification. */
export function fixedToDer(fixed: Uint8Array, width: number): Uint8Array {
  return writeDer(fixed, width, new Uint8Array(derOctets(fixed, width)));
}

/** Return how many octets the DER of r‖s has. */
export function derOctets(fixed: Uint8Array, width: number): number {
  const length = contentOctets(fixed, width);
  return length + (length < 0x80 ? 2 : 3);
}

function contentOctets(fixed: Uint8Array, width: number): number {
  const [rStart, sStart] = [magnitudeStart(fixed, 0, width), magnitudeStart(fixed, width, 2 * width)];
  return integerOctets(fixed, rStart, width) + integerOctets(fixed, sStart, 2 * width);
}

/** Write the DER of r‖s into an array of just its length, and return that. */
export function writeDer(fixed: Uint8Array, width: number, der: Uint8Array): Uint8Array {
  const length = contentOctets(fixed, width);
  let at = 0;
  der[at++] = sequenceTag;
  if (length >= 0x80) der[at++] = 0x81;
  der[at++] = length;
  at = writeInteger(fixed, magnitudeStart(fixed, 0, width), width, der, at);
  writeInteger(fixed, magnitudeStart(fixed, width, 2 * width), 2 * width, der, at);
  return der;
}

/** Return the index of the first octet that is no leading zero; that of the last octet of a zero. */
function magnitudeStart(fixed: Uint8Array, start: number, end: number): number {
  let first = start;
  while (first < end - 1 && fixed[first] === 0) first += 1;
  return first;
}

/** Octets of an INTEGER with tag and length; a zero octet keeps a high first one from being a sign. */
function integerOctets(fixed: Uint8Array, start: number, end: number): number {
  return 2 + ((fixed[start] as number) >= 0x80 ? 1 : 0) + end - start;
}

function writeInteger(fixed: Uint8Array, start: number, end: number, der: Uint8Array, offset: number): number {
  const octets = integerOctets(fixed, start, end);
  let at = offset;
  der[at++] = integerTag;
  der[at++] = octets - 2;
  if (octets > 2 + end - start) der[at++] = 0;
  for (let index = start; index < end; index++) der[at++] = fixed[index] as number;
  return at;
}
