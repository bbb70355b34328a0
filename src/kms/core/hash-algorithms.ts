import { KmsError } from '#kms/core/errors.ts';
import type { HashAlgorithm, KeyTypeRow } from '#kms/core/key-types.ts';

export interface HashRow {
  readonly name: HashAlgorithm;
  /** OpenSSL's name. */
  readonly digest: string;
  /** Octets of a digest. */
  readonly bytes: number;
  /** Last octet of the object identifier 2.16.840.1.101.3.4.2.x. */
  readonly oidArc: number;
  /** Other spellings that callers may use, in lower case. */
  readonly aliases: readonly string[];
}

const rows: readonly HashRow[] = [
  { name: 'sha2-224', digest: 'sha224', bytes: 28, oidArc: 4, aliases: ['sha224', 'sha-224'] },
  { name: 'sha2-256', digest: 'sha256', bytes: 32, oidArc: 1, aliases: ['sha256', 'sha-256'] },
  { name: 'sha2-384', digest: 'sha384', bytes: 48, oidArc: 2, aliases: ['sha384', 'sha-384'] },
  { name: 'sha2-512', digest: 'sha512', bytes: 64, oidArc: 3, aliases: ['sha512', 'sha-512'] },
  { name: 'sha3-224', digest: 'sha3-224', bytes: 28, oidArc: 7, aliases: [] },
  { name: 'sha3-256', digest: 'sha3-256', bytes: 32, oidArc: 8, aliases: [] },
  { name: 'sha3-384', digest: 'sha3-384', bytes: 48, oidArc: 9, aliases: [] },
  { name: 'sha3-512', digest: 'sha3-512', bytes: 64, oidArc: 10, aliases: [] },
];

const byName: ReadonlyMap<string, HashRow> = new Map(
  rows.flatMap((row) => [row.name, ...row.aliases].map((name): [string, HashRow] => [name, row])),
);

/** Return the row of a hash algorithm. */
export function hashRow(name: HashAlgorithm): HashRow {
  const row = byName.get(name);
  if (row === undefined) throw new KmsError('internal', `the hash algorithm ${name} is in no row of the table`);
  return row;
}

/**
 * Parse a caller's name of a hash algorithm: `sha2-256`, `sha256`, `SHA-256` and so on.
 *
 * @param field - the request's field, for the message.
 * @throws KmsError hash-invalid
 */
export function parseHashAlgorithm(text: string, field = 'hashAlgorithm'): HashAlgorithm {
  const row = byName.get(text.toLowerCase());
  if (row !== undefined) return row.name;
  throw new KmsError('hash-invalid', `${field} must be one of ${rows.map(({ name }) => name).join(', ')}`);
}

/** Parse the algorithm of an HMAC, which callers also spell `hmac-sha256`. @throws KmsError hash-invalid */
export function parseHmacAlgorithm(text: string, field = 'algorithm'): HashAlgorithm {
  return parseHashAlgorithm(text.replace(/^hmac-/i, ''), field);
}

/**
 * Return the hash that a key type uses: the one that was asked for, or its default.
 *
 * @throws KmsError hash-invalid when the type does not take the hash, or takes none at all
 */
export function chooseHash(type: KeyTypeRow, asked: HashAlgorithm | undefined): HashAlgorithm | undefined {
  if (asked === undefined) return type.defaultHash;
  if (type.hashes.includes(asked)) return asked;
  const rule = type.hashes.length === 0 ? 'none may be named' : `it takes ${type.hashes.join(', ')}`;
  throw new KmsError('hash-invalid', `the hash algorithm ${asked} does not fit a key of type ${type.type}: ${rule}`);
}

/**
 * Compose the DER prefix that turns a digest into a DigestInfo.
 *
 * Source: RFC 8017 §9.2.
 */
export function digestInfoPrefix({ oidArc, bytes }: HashRow): Uint8Array {
  const oid = [0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, oidArc];
  return new Uint8Array([0x30, 17 + bytes, 0x30, 13, ...oid, 0x05, 0, 0x04, bytes]);
}
