import { createPublicKey, type KeyObject } from 'node:crypto';
import { decodeBase64, decodeBase64Url, encodeBase64Url } from '#lib/encoding.ts';
import {
  bytesFrom,
  joinOctets,
  type Octets,
  octetsFrom,
  octetsOf,
  readUint16,
  sliceOctets,
  uint16,
} from '#lib/octets.ts';
import { DnssecError } from '#dnssec/core/errors.ts';

/** Turns a public key into the octets that a DNSKEY holds, and back into a key that verifies. */
export interface PublicKeyCodec {
  /** Compose for a key that is to sign. @throws DnssecError key-invalid when the key is of another kind, size or form */
  compose(key: KeyObject): Octets;
  /** Parse a key that anybody may have signed with. @throws DnssecError key-invalid when the octets are no such key */
  parse(publicKey: Octets): KeyObject;
}

const ed25519Octets = 32;
const uncompressedPoint = 0x04;
const pemShape = /^-----BEGIN PUBLIC KEY-----\s/;

/**
 * Read a public key as a KMS exports it: SPKI in PEM, or base64 of the raw 32 octets of Ed25519.
 *
 * @throws DnssecError key-invalid
 */
export function parseExportedKey(text: string): KeyObject {
  const trimmed = text.trim();
  if (pemShape.test(trimmed)) return importKey({ key: trimmed, format: 'pem', type: 'spki' });
  const raw = decodeBase64(trimmed);
  if (raw?.length !== ed25519Octets) {
    throw new DnssecError(
      'key-invalid',
      'the exported public key is neither SPKI in PEM nor base64 of the 32 octets of an Ed25519 key',
    );
  }
  return ed25519Codec.parse(octetsFrom(raw));
}

function importKey(input: Parameters<typeof createPublicKey>[0]): KeyObject {
  try {
    return createPublicKey(input);
  } catch (error) {
    throw new DnssecError('key-invalid', 'the public key is malformed, or its point is not on its curve', {
      cause: error,
    });
  }
}

/** X‖Y without the octet that says "uncompressed". Source: RFC 6605 §4. */
export function ecPointCodec(curve: string, jwkCurve: string, coordinateOctets: number): PublicKeyCodec {
  return {
    compose(key) {
      if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== curve)
        throw wrongKind(key, `an ECDSA key on ${jwkCurve}`);
      const point = key.export({ format: 'der', type: 'spki' }).subarray(-(1 + 2 * coordinateOctets));
      if (point[0] !== uncompressedPoint) {
        throw new DnssecError(
          'key-invalid',
          `the ${jwkCurve} public key has its point in compressed or hybrid form: expected X and Y in full`,
        );
      }
      return octetsFrom(point, 1);
    },
    parse(publicKey) {
      if (publicKey.length !== 2 * coordinateOctets) {
        throw new DnssecError(
          'key-invalid',
          `a ${jwkCurve} public key has ${2 * coordinateOctets} octets, not ${publicKey.length}`,
        );
      }
      const x = toBase64Url(sliceOctets(publicKey, 0, coordinateOctets));
      const y = toBase64Url(sliceOctets(publicKey, coordinateOctets));
      return importKey({ key: { kty: 'EC', crv: jwkCurve, x, y }, format: 'jwk' });
    },
  };
}

/** The raw 32 octets. Source: RFC 8080 §3. */
export const ed25519Codec: PublicKeyCodec = {
  compose(key) {
    if (key.asymmetricKeyType !== 'ed25519') throw wrongKind(key, 'an Ed25519 key');
    return fromBase64Url(key.export({ format: 'jwk' }).x);
  },
  parse(publicKey) {
    if (publicKey.length !== ed25519Octets) {
      throw new DnssecError(
        'key-invalid',
        `an Ed25519 public key has ${ed25519Octets} octets, not ${publicKey.length}`,
      );
    }
    return importKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(publicKey) }, format: 'jwk' });
  },
};

/** What others may have signed with. Source: RFC 5702 §2.1. */
const rsaBits = { least: 512, most: 4096 };
/** A key that is to sign now is longer. */
const leastSigningRsaBits = 2048;

/** Length of the exponent in one octet, or in three of which the first is 0, then exponent and modulus. Source: RFC 3110 §2. */
export const rsaCodec: PublicKeyCodec = {
  compose(key) {
    if (key.asymmetricKeyType !== 'rsa') throw wrongKind(key, 'an RSA key');
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits < leastSigningRsaBits || bits > rsaBits.most) {
      throw new DnssecError(
        'key-invalid',
        `the RSA key has ${bits} bits: a key that signs has ${leastSigningRsaBits} to ${rsaBits.most}`,
      );
    }
    const { n, e } = key.export({ format: 'jwk' });
    const exponent = fromBase64Url(e);
    const modulus = fromBase64Url(n);
    const length =
      exponent.length <= 255 ? octetsOf(exponent.length) : joinOctets(octetsOf(0), uint16(exponent.length));
    return joinOctets(length, exponent, modulus);
  },
  parse(publicKey) {
    const { exponent, modulus } = splitRsa(publicKey);
    if (exponent === '' || modulus === '') throw new DnssecError('key-invalid', 'the RSA public key is cut short');
    if (exponent.charCodeAt(0) === 0 || modulus.charCodeAt(0) === 0) {
      throw new DnssecError('key-invalid', 'the RSA public key has leading zero octets');
    }
    const bits = modulus.length * 8;
    if (bits < rsaBits.least || bits > rsaBits.most) {
      throw new DnssecError('key-invalid', `the RSA modulus has ${bits} bits, not ${rsaBits.least} to ${rsaBits.most}`);
    }
    return importKey({ key: { kty: 'RSA', n: toBase64Url(modulus), e: toBase64Url(exponent) }, format: 'jwk' });
  },
};

function splitRsa(publicKey: Octets): { exponent: Octets; modulus: Octets } {
  const long = publicKey.charCodeAt(0) === 0;
  const exponentStart = long ? 3 : 1;
  const modulusStart = exponentStart + (long ? readUint16(publicKey, 1) : publicKey.charCodeAt(0));
  return {
    exponent: sliceOctets(publicKey, exponentStart, modulusStart),
    modulus: sliceOctets(publicKey, modulusStart),
  };
}

/** Return the length of an RSA key's modulus, and so of its signatures, in octets. Source: RFC 8017 §8.2.1. */
export function rsaModulusOctets(publicKey: Octets): number {
  return splitRsa(publicKey).modulus.length;
}

function wrongKind(key: KeyObject, expected: string): DnssecError {
  const details = key.asymmetricKeyDetails?.namedCurve ?? '';
  return new DnssecError(
    'key-invalid',
    `the public key is of kind ${`${key.asymmetricKeyType} ${details}`.trim()}: expected ${expected}`,
  );
}

function fromBase64Url(text: string | undefined): Octets {
  return octetsFrom(decodeBase64Url(text ?? ''));
}

function toBase64Url(octets: Octets): string {
  return encodeBase64Url(bytesFrom(octets));
}
