import type { CanonicalName } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { composeDs, deleteCdnskey, deleteCds } from '#dnssec/core/keys/ds.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { publicationOf } from '#dnssec/core/managed/zone-rollover.ts';

/** The RRsets of the apex that tell of the zone's keys, all signed by those keys that have a DS. */
export const keySetTypes = [rrTypes.DNSKEY, rrTypes.CDS, rrTypes.CDNSKEY] as const;

/**
 * Compose the DNSKEY RRset of a zone, and what it asks its parent for.
 *
 * Source: RFC 7344 §3, RFC 8078 §4.
 *
 * @returns one entry for each of the types; without an RRset where there is to be none
 */
export function composeKeySet(
  apex: CanonicalName,
  signing: Pick<ZoneSigning, 'keys' | 'parent' | 'policy'>,
): readonly { readonly type: RRType; readonly rrset?: RRset }[] {
  const { dnskeys, cds } = publicationOf(signing);
  const rdatasOf = (ids: readonly string[]): Rdata[] =>
    signing.keys.filter(({ id }) => ids.includes(id)).map(({ dnskey }) => dnskey);
  const asked = cds.kind === 'set' ? rdatasOf(cds.keys) : [];
  const rdatas: Record<(typeof keySetTypes)[number], readonly Rdata[]> = {
    [rrTypes.DNSKEY]: rdatasOf(dnskeys),
    [rrTypes.CDS]: cds.kind === 'delete' ? [deleteCds] : asked.map((dnskey) => composeDs(apex, dnskey, 2)),
    [rrTypes.CDNSKEY]: cds.kind === 'delete' ? [deleteCdnskey] : asked,
  };
  const ttl = signing.policy.dnskeyTtl;
  return keySetTypes.map((type) =>
    rdatas[type].length === 0 ? { type } : { type, rrset: { owner: apex, type, ttl, rdatas: rdatas[type] } },
  );
}
