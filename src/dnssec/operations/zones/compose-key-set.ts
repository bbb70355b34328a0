import type { CanonicalName } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { composeDs, deleteCdnskey, deleteCds } from '#dnssec/core/keys/ds.ts';
import { foreignEntryPoints } from '#dnssec/core/managed/foreign-keys.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { publicationOf } from '#dnssec/core/managed/zone-rollover.ts';

/** The RRsets of the apex that tell of the zone's keys, all signed by those keys that have a DS. */
export const keySetTypes = [rrTypes.DNSKEY, rrTypes.CDS, rrTypes.CDNSKEY] as const;

/**
 * Compose the DNSKEY RRset of a zone, and what it asks its parent for. Keys of another signer are in it, and are asked for
 * whenever something is: a parent takes what is not in the set for what is to go.
 *
 * Source: RFC 7344 §3, RFC 8078 §4, RFC 8901 §8.
 *
 * @returns one entry for each of the types; without an RRset where there is to be none
 */
export function composeKeySet(
  apex: CanonicalName,
  signing: Pick<ZoneSigning, 'keys' | 'parent' | 'policy' | 'foreignKeys'>,
): readonly { readonly type: RRType; readonly rrset?: RRset }[] {
  const { dnskeys, cds } = publicationOf(signing);
  const rdatasOf = (ids: readonly string[]): Rdata[] =>
    signing.keys.filter(({ id }) => ids.includes(id)).map(({ dnskey }) => dnskey);
  const entryPoints = foreignEntryPoints(signing);
  const isDelete = cds.kind === 'delete' && entryPoints.length === 0;
  const asked = cds.kind === 'none' ? [] : [...(cds.kind === 'set' ? rdatasOf(cds.keys) : []), ...entryPoints];
  const rdatas: Record<(typeof keySetTypes)[number], readonly Rdata[]> = {
    [rrTypes.DNSKEY]: [...rdatasOf(dnskeys), ...(signing.foreignKeys ?? [])],
    [rrTypes.CDS]: isDelete ? [deleteCds] : asked.map((dnskey) => composeDs(apex, dnskey, 2)),
    [rrTypes.CDNSKEY]: isDelete ? [deleteCdnskey] : asked,
  };
  const ttl = signing.policy.dnskeyTtl;
  return keySetTypes.map((type) =>
    rdatas[type].length === 0 ? { type } : { type, rrset: { owner: apex, type, ttl, rdatas: rdatas[type] } },
  );
}
