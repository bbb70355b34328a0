import { KmsError } from '#kms/core/errors.ts';

/** Hash algorithms by their canonical name on the wire. No SHA-1. */
export type HashAlgorithm =
  | 'sha2-224'
  | 'sha2-256'
  | 'sha2-384'
  | 'sha2-512'
  | 'sha3-224'
  | 'sha3-256'
  | 'sha3-384'
  | 'sha3-512';

/** RSA signature schemes: PSS with a salt as long as the digest, and PKCS#1 v1.5 as DNSSEC needs it. */
export type SignatureAlgorithm = 'pss' | 'pkcs1v15';

/** ECDSA signature encodings: ASN.1 DER, fixed-length r‖s, and r‖s that travels as base64url. */
export type MarshalingAlgorithm = 'asn1' | 'p1363' | 'jws';

/** What can be done with key material. Reading the public key and importing are columns of their own. */
export type CryptoOperation = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'hmac' | 'verify-hmac';

export type KeyType =
  | 'aes128-gcm96'
  | 'aes256-gcm96'
  | 'chacha20-poly1305'
  | 'rsa-2048'
  | 'rsa-3072'
  | 'rsa-4096'
  | 'ecdsa-p256'
  | 'ecdsa-p384'
  | 'ecdsa-p521'
  | 'ed25519'
  | 'hmac'
  | 'hmac-sha256'
  | 'hmac-sha512';

interface Capabilities {
  readonly type: KeyType;
  readonly operations: readonly CryptoOperation[];
  /** How a public key is shown, or undefined where there is none. */
  readonly publicKey: 'spki-pem' | 'raw-base64' | undefined;
  readonly importable: boolean;
  /** The hash used when the caller names none; undefined where no hash may be named. */
  readonly defaultHash: HashAlgorithm | undefined;
  /** Every hash that the caller may name. */
  readonly hashes: readonly HashAlgorithm[];
  /** First is the default; empty where none may be named. */
  readonly signatureAlgorithms: readonly SignatureAlgorithm[];
  /** First is the default; empty where none may be named. */
  readonly marshalingAlgorithms: readonly MarshalingAlgorithm[];
  /** Whether the caller may send a digest in place of the message. */
  readonly prehash: boolean;
  /** Octets that one encryption takes at most; 0 where the type does not encrypt. */
  readonly maxPlaintext: number;
  /** Whether encryption takes associated data. */
  readonly associatedData: boolean;
  /** Encryptions under one key version are limited, since random nonces collide in the end. */
  readonly countsInvocations: boolean;
  /** Rough microseconds of one core for one operation, to split work and to weigh rate limits. */
  readonly cost: {
    /** Signing, decrypting, and everything symmetric. */
    readonly secret: number;
    /** Verifying, and encrypting with a public key. */
    readonly public: number;
    /** Signing or verifying a digest that the caller made. */
    readonly digest: number;
  };
}

export interface AeadKeyType extends Capabilities {
  readonly family: 'aead';
  /** OpenSSL's name of the cipher. */
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  readonly keyBytes: 16 | 32;
}

export interface RsaKeyType extends Capabilities {
  readonly family: 'rsa';
  readonly modulusBits: 2048 | 3072 | 4096;
}

export interface EcdsaKeyType extends Capabilities {
  readonly family: 'ecdsa';
  /** OpenSSL's name of the curve. */
  readonly curve: 'prime256v1' | 'secp384r1' | 'secp521r1';
  /** Octets of r, and of s, in the fixed-length encoding. */
  readonly scalarBytes: 32 | 48 | 66;
  /** The order of the base point. From NIST SP 800-186 §3.2.1. */
  readonly order: bigint;
}

export interface Ed25519KeyType extends Capabilities {
  readonly family: 'ed25519';
}

export interface HmacKeyType extends Capabilities {
  readonly family: 'hmac';
  readonly keyBytes: 32 | 64;
}

export type KeyTypeRow = AeadKeyType | RsaKeyType | EcdsaKeyType | Ed25519KeyType | HmacKeyType;

const sha2: readonly HashAlgorithm[] = ['sha2-224', 'sha2-256', 'sha2-384', 'sha2-512'];
const sha3: readonly HashAlgorithm[] = ['sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'];

const nothing = {
  operations: [],
  publicKey: undefined,
  importable: true,
  defaultHash: undefined,
  hashes: [],
  signatureAlgorithms: [],
  marshalingAlgorithms: [],
  prehash: false,
  maxPlaintext: 0,
  associatedData: false,
  countsInvocations: false,
} as const;

const aead = {
  ...nothing,
  cost: { secret: 5, public: 5, digest: 5 },
  family: 'aead',
  operations: ['encrypt', 'decrypt'],
  maxPlaintext: 65_535,
  associatedData: true,
  countsInvocations: true,
} as const;

const rsa = {
  ...nothing,
  family: 'rsa',
  operations: ['encrypt', 'decrypt', 'sign', 'verify'],
  publicKey: 'spki-pem',
  defaultHash: 'sha2-256',
  hashes: [...sha2, ...sha3],
  signatureAlgorithms: ['pss', 'pkcs1v15'],
  prehash: true,
} as const;

const ecdsa = {
  ...nothing,
  family: 'ecdsa',
  operations: ['sign', 'verify'],
  publicKey: 'spki-pem',
  hashes: [...sha2, ...sha3],
  marshalingAlgorithms: ['asn1', 'p1363', 'jws'],
  prehash: true,
} as const;

const hmac = {
  ...nothing,
  cost: { secret: 2, public: 2, digest: 2 },
  family: 'hmac',
  operations: ['hmac', 'verify-hmac'],
  importable: false,
} as const;

const hmac256 = { ...hmac, defaultHash: 'sha2-256', hashes: ['sha2-256'], keyBytes: 32 } as const;

/** Everything the KMS knows about key types, a row each. No code below this table names a type. */
const rows: readonly KeyTypeRow[] = [
  { ...aead, type: 'aes128-gcm96', cipher: 'aes-128-gcm', keyBytes: 16 },
  { ...aead, type: 'aes256-gcm96', cipher: 'aes-256-gcm', keyBytes: 32 },
  { ...aead, type: 'chacha20-poly1305', cipher: 'chacha20-poly1305', keyBytes: 32 },
  { ...rsa, type: 'rsa-2048', modulusBits: 2048, maxPlaintext: 190, cost: { secret: 260, public: 20, digest: 260 } },
  { ...rsa, type: 'rsa-3072', modulusBits: 3072, maxPlaintext: 318, cost: { secret: 710, public: 35, digest: 710 } },
  { ...rsa, type: 'rsa-4096', modulusBits: 4096, maxPlaintext: 446, cost: { secret: 1400, public: 55, digest: 1400 } },
  {
    ...ecdsa,
    type: 'ecdsa-p256',
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    curve: 'prime256v1',
    scalarBytes: 32,
    defaultHash: 'sha2-256',
    cost: { secret: 20, public: 60, digest: 200 },
  },
  {
    ...ecdsa,
    type: 'ecdsa-p384',
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    curve: 'secp384r1',
    scalarBytes: 48,
    defaultHash: 'sha2-384',
    cost: { secret: 530, public: 440, digest: 1700 },
  },
  {
    ...ecdsa,
    type: 'ecdsa-p521',
    order:
      0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    curve: 'secp521r1',
    scalarBytes: 66,
    defaultHash: 'sha2-512',
    cost: { secret: 1250, public: 980, digest: 3800 },
  },
  {
    ...nothing,
    family: 'ed25519',
    type: 'ed25519',
    operations: ['sign', 'verify'],
    publicKey: 'raw-base64',
    cost: { secret: 15, public: 40, digest: 15 },
  },
  { ...hmac256, type: 'hmac' },
  { ...hmac256, type: 'hmac-sha256' },
  { ...hmac, type: 'hmac-sha512', defaultHash: 'sha2-512', hashes: ['sha2-512'], keyBytes: 64 },
];

const byType: ReadonlyMap<string, KeyTypeRow> = new Map(rows.map((row) => [row.type, row]));

/** The names of all types, in the order of the table. */
export const keyTypes: readonly KeyType[] = rows.map((row) => row.type);

/** The type of a key when its creator names none. */
export const defaultKeyType: KeyType = 'aes256-gcm96';

/** Return the row of a type. */
export function keyTypeRow(type: KeyType): KeyTypeRow {
  const row = byType.get(type);
  if (row === undefined) throw new KmsError('internal', `the key type ${type} is in no row of the table`);
  return row;
}

/** Recognise a type's name. */
export function isKeyType(text: string): text is KeyType {
  return byType.has(text);
}

/**
 * Refuse an operation that the type cannot do.
 *
 * @throws KmsError wrong-operation
 */
export function assertOperation(type: KeyType, operation: CryptoOperation): void {
  if (!keyTypeRow(type).operations.includes(operation)) {
    throw new KmsError('wrong-operation', `a key of type ${type} cannot ${operation.replace('-', ' ')}`);
  }
}
