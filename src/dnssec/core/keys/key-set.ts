import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { keyTagOf, revokedDnskey } from '#dnssec/core/keys/dnskey.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';

/** The types that a key with a DS at the parent signs at the apex. Source: RFC 6781 §3.1, RFC 7344 §4.1. */
const keySetTypes: ReadonlySet<RRType> = new Set([rrTypes.DNSKEY, rrTypes.CDS, rrTypes.CDNSKEY]);

/**
 * Return the keys that sign an RRset of a type.
 *
 * @param isApex whether it stands at the apex: below it CDS and CDNSKEY are data like any other (RFC 9615 §4.1)
 */
export function keysThatSign(type: RRType, isApex: boolean, keys: readonly ZoneKey[]): readonly ZoneKey[] {
  const otherRole = isApex && keySetTypes.has(type) ? 'zsk' : 'ksk';
  return keys.some((key) => key.role === otherRole) ? keys.filter((key) => key.role !== otherRole) : keys;
}

/**
 * Check that keys can sign a zone together: none is given twice, every algorithm signs both the DNSKEY set and the data,
 * and all key tags differ, over all algorithms, revoked forms and the keys of other signers. A shared tag makes
 * validators try several keys, and makes it possible to take one key's signature for another's.
 *
 * Source: RFC 4035 §2.2, RFC 4034 §B.
 *
 * @param foreign DNSKEY RDATA of other signers
 * @throws DnssecError key-invalid, key-tag-collision
 */
export function assertKeySet(keys: readonly ZoneKey[], foreign: readonly Rdata[] = []): void {
  if (keys.length === 0) throw new DnssecError('key-invalid', 'a zone needs at least one key to be signed with');
  assertEachOnce(keys);
  for (const { algorithm } of keys) {
    const roles = new Set(keys.filter((key) => key.algorithm === algorithm).map((key) => key.role));
    if (!roles.has('csk') && roles.size === 1) {
      const [present] = roles;
      throw new DnssecError(
        'key-invalid',
        `algorithm ${algorithm.number} (${algorithm.mnemonic}) has only a ${present?.toUpperCase()}: it needs a ${present === 'ksk' ? 'ZSK' : 'KSK'} beside it, or a CSK`,
      );
    }
  }
  assertUniqueTags([...keys.map((key) => key.dnskey), ...foreign]);
}

/** A DNSKEY that stands twice makes two equal RRSIGs of every RRset. */
function assertEachOnce(keys: readonly ZoneKey[]): void {
  const seen = new Map<Rdata, ZoneKey>();
  for (const key of keys) {
    const twin = seen.get(key.dnskey);
    if (twin !== undefined) {
      const [first, second] = [twin, key].map(({ kmsKey }) => `KMS key ${kmsKey.keyId} version ${kmsKey.version}`);
      throw new DnssecError('key-invalid', `${first} and ${second} make the same DNSKEY ${key.keyTag}: name it once`);
    }
    seen.set(key.dnskey, key);
  }
}

/**
 * Check that no two keys share a key tag, be it that of a revoked form.
 *
 * Source: RFC 4034 §B.
 *
 * @param dnskeys DNSKEY RDATA
 * @throws DnssecError key-tag-collision
 */
export function assertUniqueTags(dnskeys: readonly Rdata[]): void {
  const owners = new Map<number, Rdata>();
  for (const dnskey of dnskeys) {
    const revoked = revokedDnskey(dnskey); // the same for a key before and after its revocation
    for (const tag of [keyTagOf(dnskey), keyTagOf(revoked)]) {
      const owner = owners.get(tag);
      if (owner !== undefined && owner !== revoked) {
        throw new DnssecError(
          'key-tag-collision',
          `two keys of the zone share the key tag ${tag}: rotate one of them and use its new version`,
          { details: { keyTag: tag } },
        );
      }
      owners.set(tag, revoked);
    }
  }
}
