import { composeSec1, element, unsignedInteger } from '#kms/core/der.ts';
import { KmsError } from '#kms/core/errors.ts';
import { bufferView, utf8Bytes } from '#lib/bytes.ts';
import { decodeBase64Octets } from '#lib/encoding.ts';

/**
 * Private keys as BIND and ldns keep them (`K….private`): lines of a name, a colon and a value, in base64 where it is a
 * number. Key material stays in octets here and never becomes a string; what is decoded is wiped.
 */

const firstLine = 'Private-key-format: v1.';
const algorithmLine = 'Algorithm: ';

/** Numbers of an RSA key, in the order of RSAPrivateKey. Source: RFC 8017 §A.1.2. */
const rsaNumbers = [
  'Modulus',
  'PublicExponent',
  'PrivateExponent',
  'Prime1',
  'Prime2',
  'Exponent1',
  'Exponent2',
  'Coefficient',
];

/** DER of a private key, and its structure. */
export interface PrivateKeyDer {
  readonly type: 'pkcs8' | 'pkcs1' | 'sec1';
  /** The caller wipes it. */
  readonly der: Uint8Array;
}

/** An elliptic curve: octets of its scalars, and the content of its object identifier. */
interface Curve {
  readonly scalarBytes: number;
  readonly identifier: Uint8Array;
}

const p256: Curve = { scalarBytes: 32, identifier: Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07) };
const p384: Curve = { scalarBytes: 48, identifier: Uint8Array.of(0x2b, 0x81, 0x04, 0x00, 0x22) };

/** By number of the DNSSEC algorithm, those of which the KMS has keys. */
const decoders: ReadonlyMap<number, (file: Uint8Array) => PrivateKeyDer> = new Map([
  [5, decodeRsa],
  [7, decodeRsa],
  [8, decodeRsa],
  [10, decodeRsa],
  [13, (file) => decodeEc(file, p256)],
  [14, (file) => decodeEc(file, p384)],
  [15, decodeEd25519],
]);

const known = [...decoders.keys()].join(', ');

/** Tell whether a file is such a key. */
export function isBindKey(file: Uint8Array): boolean {
  return bufferView(file).subarray(0, firstLine.length).equals(utf8Bytes(firstLine));
}

/** Read such a key. @throws KmsError import-invalid, which names the line that is missing or wrong */
export function decodeBindKey(file: Uint8Array): PrivateKeyDer {
  const algorithm = algorithmOf(file);
  const decode = decoders.get(algorithm);
  if (decode === undefined) throw invalid(`its DNSSEC algorithm, ${algorithm}, is not one of ${known}`);
  return decode(file);
}

function algorithmOf(file: Uint8Array): number {
  // Three digits at most, which are no secret.
  const digits = bufferView(valueOf(file, algorithmLine).subarray(0, 3)).toString('latin1');
  const algorithm = Number.parseInt(digits, 10);
  if (Number.isNaN(algorithm)) throw invalid('Algorithm is not a number');
  return algorithm;
}

function decodeRsa(file: Uint8Array): PrivateKeyDer {
  const numbers = rsaNumbers.map((name) => numberOf(file, name));
  const integers = numbers.map(unsignedInteger);
  const der = element(0x30, unsignedInteger(Uint8Array.of(0)), ...integers);
  wipe([...numbers, ...integers]);
  return { type: 'pkcs1', der };
}

/** Numbers are written without leading zeros, scalars have the length of their curve. Source: RFC 5915 §3. */
function decodeEc(file: Uint8Array, { scalarBytes, identifier }: Curve): PrivateKeyDer {
  const number = numberOf(file, 'PrivateKey', scalarBytes);
  const scalar = new Uint8Array(scalarBytes);
  scalar.set(number, scalarBytes - number.length);
  const der = composeSec1({ scalar, curve: element(0xa0, element(0x06, identifier)) });
  wipe([number, scalar]);
  return { type: 'sec1', der };
}

/** The identifier is id-Ed25519. Source: RFC 8410 §7. */
function decodeEd25519(file: Uint8Array): PrivateKeyDer {
  const seed = numberOf(file, 'PrivateKey', 32);
  const inner = element(0x04, seed);
  const outer = element(0x04, inner);
  const identifier = element(0x30, element(0x06, Uint8Array.of(0x2b, 0x65, 0x70)));
  const der = element(0x30, unsignedInteger(Uint8Array.of(0)), identifier, outer);
  wipe([seed, inner, outer]);
  return { type: 'pkcs8', der };
}

/** Decode the value of a line. The caller wipes the answer. */
function numberOf(file: Uint8Array, name: string, longest = 1024): Uint8Array {
  const number = decodeBase64Octets(valueOf(file, `${name}: `));
  if (number === undefined) throw invalid(`${name} is not base64`);
  if (number.length > 0 && number.length <= longest) return number;
  number.fill(0);
  throw invalid(`${name} must have 1 to ${longest} octets`);
}

/** Find the value of a line, as a view of the file. */
function valueOf(file: Uint8Array, start: string): Uint8Array {
  const text = bufferView(file);
  const at = text.indexOf(`\n${start}`);
  if (at < 0) throw invalid(`there is no line "${start.trimEnd()}"`);
  const from = at + 1 + start.length;
  const end = text.indexOf('\n', from);
  const line = text.subarray(from, end < 0 ? text.length : end);
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

function wipe(secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}

function invalid(message: string): KmsError {
  return new KmsError('import-invalid', `the private key of BIND cannot be read: ${message}`);
}
