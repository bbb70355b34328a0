import { makeEd25519Check } from '#lib/ed25519.ts';
import type { Octets } from '#lib/octets.ts';
import {
  ecPointCodec,
  ed25519Codec,
  type PublicKeyCodec,
  rsaCodec,
  rsaModulusOctets,
} from '#dnssec/core/keys/public-key.ts';
import { DnssecError } from '#dnssec/core/errors.ts';

/** How an algorithm's signature stands in an RRSIG: r‖s of fixed width, or as the KMS gives it. */
export type SignatureForm =
  | { readonly kind: 'ecdsa'; readonly octetsPerInteger: number }
  | {
      readonly kind: 'raw';
      /** The length that every signature by a key has, from its public key as the DNSKEY holds it. */
      readonly octetsBy: (publicKey: Octets) => number;
    };

/** What a KMS must be told besides the input. */
export interface KmsSignParameters {
  readonly hashAlgorithm?: string;
  readonly signatureAlgorithm?: 'pkcs1v15';
}

/** Tells whether a signature, as in the RRSIG, is one of the signed data. */
export type QuickCheck = (signedData: Uint8Array, signature: Uint8Array) => boolean;

/** One DNSSEC algorithm with all that depends on it. */
export interface Algorithm {
  readonly number: number;
  readonly mnemonic: string;
  /** KMS key types that can sign with it. */
  readonly keyTypes: readonly string[];
  readonly kmsParameters: KmsSignParameters;
  /** Digest for `node:crypto`; none where the algorithm hashes by itself. */
  readonly digest: 'sha256' | 'sha384' | 'sha512' | undefined;
  readonly signatureForm: SignatureForm;
  readonly publicKey: PublicKeyCodec;
  /** Makes the check of a sound public key's signatures that is quicker than `node:crypto`, where this machine has one. */
  readonly makeQuickCheck?: (publicKey: Uint8Array) => QuickCheck | undefined;
  /** Advice on its use for signing and for validation. Source: RFC 9904 §3. */
  readonly signing: 'recommended' | 'optional' | 'not recommended';
  readonly validation: 'recommended' | 'optional' | 'not recommended';
}

const rsaKeyTypes = ['rsa-2048', 'rsa-3072', 'rsa-4096'];
const rsaSignature: SignatureForm = { kind: 'raw', octetsBy: rsaModulusOctets };

/** The algorithms that keys of a KMS can sign with; the first row that fits a key type is its default. */
export const algorithms: readonly Algorithm[] = [
  {
    number: 13,
    mnemonic: 'ECDSAP256SHA256',
    keyTypes: ['ecdsa-p256'],
    kmsParameters: { hashAlgorithm: 'sha2-256' },
    digest: 'sha256',
    signatureForm: { kind: 'ecdsa', octetsPerInteger: 32 },
    publicKey: ecPointCodec('prime256v1', 'P-256', 32),
    signing: 'recommended',
    validation: 'recommended',
  },
  {
    number: 15,
    mnemonic: 'ED25519',
    keyTypes: ['ed25519'],
    kmsParameters: {},
    digest: undefined,
    signatureForm: { kind: 'raw', octetsBy: () => 64 },
    publicKey: ed25519Codec,
    makeQuickCheck: (publicKey) => makeEd25519Check(publicKey),
    signing: 'recommended',
    validation: 'recommended',
  },
  {
    number: 14,
    mnemonic: 'ECDSAP384SHA384',
    keyTypes: ['ecdsa-p384'],
    kmsParameters: { hashAlgorithm: 'sha2-384' },
    digest: 'sha384',
    signatureForm: { kind: 'ecdsa', octetsPerInteger: 48 },
    publicKey: ecPointCodec('secp384r1', 'P-384', 48),
    signing: 'optional',
    validation: 'recommended',
  },
  {
    number: 8,
    mnemonic: 'RSASHA256',
    keyTypes: rsaKeyTypes,
    kmsParameters: { hashAlgorithm: 'sha2-256', signatureAlgorithm: 'pkcs1v15' },
    digest: 'sha256',
    signatureForm: rsaSignature,
    publicKey: rsaCodec,
    signing: 'recommended',
    validation: 'recommended',
  },
  {
    number: 10,
    mnemonic: 'RSASHA512',
    keyTypes: rsaKeyTypes,
    kmsParameters: { hashAlgorithm: 'sha2-512', signatureAlgorithm: 'pkcs1v15' },
    digest: 'sha512',
    signatureForm: rsaSignature,
    publicKey: rsaCodec,
    signing: 'not recommended',
    validation: 'recommended',
  },
];

const byNumber = new Map(algorithms.map((algorithm) => [algorithm.number, algorithm]));

/** Return the algorithm with a number, if it is one of ours. */
export function findAlgorithm(number: number): Algorithm | undefined {
  return byNumber.get(number);
}

/** @throws DnssecError algorithm-unsupported */
export function getAlgorithm(number: number): Algorithm {
  const algorithm = byNumber.get(number);
  if (algorithm === undefined) {
    throw new DnssecError(
      'algorithm-unsupported',
      `DNSSEC algorithm ${number} is not supported: ${[...byNumber.keys()].join(', ')} are`,
    );
  }
  return algorithm;
}

/**
 * Return the algorithm that a KMS key signs with: the wanted one, or the key type's default.
 *
 * @throws DnssecError algorithm-unsupported when the type cannot sign for DNSSEC, or not with the wanted algorithm
 */
export function algorithmForKeyType(keyType: string, wanted?: number): Algorithm {
  const fitting = algorithms.filter((algorithm) => algorithm.keyTypes.includes(keyType));
  const chosen = wanted === undefined ? fitting[0] : fitting.find((algorithm) => algorithm.number === wanted);
  if (chosen !== undefined) return chosen;
  const possible = fitting.map((algorithm) => `${algorithm.number} (${algorithm.mnemonic})`).join(', ');
  throw new DnssecError(
    'algorithm-unsupported',
    possible === ''
      ? `a KMS key of type ${keyType} cannot sign for DNSSEC: ${[...new Set(algorithms.flatMap((row) => row.keyTypes))].join(', ')} can`
      : `a KMS key of type ${keyType} cannot sign with DNSSEC algorithm ${wanted}: ${possible} it can`,
  );
}
