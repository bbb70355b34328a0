import { DnssecError } from '#dnssec/core/errors.ts';
import type { SignatureForm } from '#dnssec/core/keys/algorithms.ts';
import { parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';

const sequenceTag = 0x30;
const integerTag = 0x02;

/**
 * Turn a KMS's signature into the form that an RRSIG holds: for ECDSA from DER to r‖s of fixed width, for the others as
 * it is. The form is checked here, since not every signature need be verified by cryptography.
 *
 * Source: RFC 6605 §4, RFC 8080 §4, RFC 5702 §3.
 *
 * @param key the key that signed
 * @throws DnssecError signature-invalid when DER is not what a strict reader takes, or the length not the key's
 */
export function fromKmsSignature({ algorithm, dnskey, keyTag }: ZoneKey, signature: Uint8Array): Uint8Array {
  const form = algorithm.signatureForm;
  if (form.kind === 'ecdsa') return derToFixed(signature, form.octetsPerInteger);
  const octets = form.octetsBy(parseDnskey(dnskey).publicKey);
  if (signature.length !== octets) {
    throw new DnssecError(
      'signature-invalid',
      `the ${algorithm.mnemonic} signature from the KMS has ${signature.length} octets: one by DNSKEY ${keyTag} has ${octets}`,
    );
  }
  return signature;
}

/** Turn an RRSIG's signature into the form that `node:crypto` verifies fastest: DER for ECDSA. */
export function toVerifiableSignature(form: SignatureForm, signature: Uint8Array): Uint8Array | undefined {
  if (form.kind === 'raw') return signature;
  return signature.length === 2 * form.octetsPerInteger ? fixedToDer(signature, form.octetsPerInteger) : undefined;
}

/**
 * Read an ECDSA-Sig-Value and return r‖s, both left-padded to `width` octets. Only the one DER encoding of two positive
 * integers is taken: another encoding of the same value means that something between us and the key is wrong.
 *
 * Source: RFC 3279 §2.2.3.
 *
 * @throws DnssecError signature-invalid
 */
export function derToFixed(der: Uint8Array, width: number): Uint8Array {
  const fixed = new Uint8Array(2 * width);
  if (der[0] !== sequenceTag) throw malformed('it is not a SEQUENCE');
  const [contentStart, contentLength] = readLength(der, 1);
  if (contentStart + contentLength !== der.length)
    throw malformed(`its length says ${contentLength} octets and ${der.length - contentStart} follow`);
  const afterR = readInteger(der, contentStart, fixed, 0, width);
  const afterS = readInteger(der, afterR, fixed, width, width);
  if (afterS !== der.length) throw malformed('octets follow the second integer');
  return fixed;
}

/** Read the shortest form of a length below 256. */
function readLength(der: Uint8Array, at: number): [next: number, length: number] {
  const first = der[at];
  if (first === undefined) throw malformed('it is cut short');
  if (first < 0x80) return [at + 1, first];
  const second = der[at + 1];
  if (first !== 0x81 || second === undefined || second < 0x80) throw malformed('a length is not in its shortest form');
  return [at + 2, second];
}

function readInteger(der: Uint8Array, at: number, target: Uint8Array, offset: number, width: number): number {
  if (der[at] !== integerTag) throw malformed('an INTEGER is missing');
  const [start, length] = readLength(der, at + 1);
  const end = start + length;
  if (length === 0 || end > der.length) throw malformed('an integer is cut short');
  const first = der[start] as number;
  if (first >= 0x80) throw malformed('an integer is negative');
  const padded = first === 0 && length > 1;
  if (padded && (der[start + 1] as number) < 0x80) throw malformed('an integer is not in its shortest form');
  const from = padded ? start + 1 : start;
  if (first === 0 && length === 1) throw malformed('an integer is zero');
  if (end - from > width) throw malformed(`an integer has ${end - from} octets, at most ${width} fit`);
  let position = offset + width - (end - from);
  for (let index = from; index < end; index++) target[position++] = der[index] as number;
  return end;
}

function malformed(why: string): DnssecError {
  return new DnssecError('signature-invalid', `the ECDSA signature from the KMS is not valid DER: ${why}`);
}

/** Compose the DER of r‖s; zero integers are kept, so that they fail in verification. */
export function fixedToDer(fixed: Uint8Array, width: number): Uint8Array {
  const [rStart, sStart] = [magnitudeStart(fixed, 0, width), magnitudeStart(fixed, width, 2 * width)];
  const length = integerOctets(fixed, rStart, width) + integerOctets(fixed, sStart, 2 * width);
  const der = new Uint8Array(length + (length < 0x80 ? 2 : 3));
  let at = 0;
  der[at++] = sequenceTag;
  if (length >= 0x80) der[at++] = 0x81;
  der[at++] = length;
  at = writeInteger(fixed, rStart, width, der, at);
  writeInteger(fixed, sStart, 2 * width, der, at);
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
