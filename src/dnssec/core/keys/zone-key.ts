import type { Rdata } from '#dns/rrset.ts';
import type { Algorithm } from '#dnssec/core/keys/algorithms.ts';
import { composeDnskey, dnskeyFlags, dnskeyProtocol, keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import { parseExportedKey } from '#dnssec/core/keys/public-key.ts';

/** What a key signs: a KSK the DNSKEY, CDS and CDNSKEY RRsets, a ZSK all others, a CSK everything. */
export const roles = ['csk', 'ksk', 'zsk'] as const;
export type Role = (typeof roles)[number];

/** One version of a KMS key. */
export interface KmsKeyVersion {
  readonly keyId: string;
  readonly version: number;
}

/** A key version with the DNSKEY under which it is published. */
export interface ZoneKey {
  readonly role: Role;
  readonly algorithm: Algorithm;
  readonly dnskey: Rdata;
  readonly keyTag: number;
  readonly kmsKey: KmsKeyVersion;
}

/**
 * Make a zone key of a KMS key version and its exported public key.
 *
 * Source: RFC 4034 §2.1.
 *
 * @throws DnssecError key-invalid
 */
export function composeZoneKey(
  role: Role,
  algorithm: Algorithm,
  exportedPublicKey: string,
  kmsKey: KmsKeyVersion,
): ZoneKey {
  const publicKey = algorithm.publicKey.compose(parseExportedKey(exportedPublicKey));
  const flags = role === 'zsk' ? dnskeyFlags.zoneKey : dnskeyFlags.zoneKey | dnskeyFlags.secureEntryPoint;
  const dnskey = composeDnskey({ flags, protocol: dnskeyProtocol, algorithm: algorithm.number, publicKey });
  return { role, algorithm, dnskey, keyTag: keyTagOf(dnskey), kmsKey };
}
