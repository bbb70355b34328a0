import { secondsOf } from '#lib/clock.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import {
  planRegistrar,
  type RegistrarKey,
  type RegistrarReport,
  type ReportedKey,
} from '#dnssec/core/export/registrar-report.ts';
import { getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { keyTagOf, parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { isKnownDigestType, parseDs } from '#dnssec/core/keys/ds.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { foreignEntryPoints, foreignId } from '#dnssec/core/managed/foreign-keys.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { advanceZone, publicationOf } from '#dnssec/core/managed/zone-rollover.ts';
import { stateOf } from '#dnssec/core/rollover/key-state.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { dsTimes } from '#dnssec/operations/zones/describe-signing.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { zoneKeyOf } from '#dnssec/operations/zones/zone-signers.ts';
import type { Caller } from '#dnssec/ports.ts';

/**
 * Tell what the parent of a zone is to do about the DS of each of its keys, as its rollovers stand now.
 *
 * @throws DnssecError not-found, conflict when the zone is not signed
 */
export async function reportToRegistrar(ports: ZonePorts, caller: Caller, id: string): Promise<RegistrarReport> {
  const zone = await getOwnZone(ports, caller, id);
  if (zone.signing === undefined) throw new DnssecError('conflict', `zone ${zone.name} is not signed: it needs no DS`);
  const now = secondsOf(ports.clock);
  const { signing } = advanceZone(zone.signing, now);
  const times = dsTimes(signing, now);
  const reported = signing.keys.map((key): ReportedKey => {
    const described = { id: key.id, key: zoneKeyOf(key), found: foundOf(key, signing) };
    if (key.goal === 'hidden' || stateOf(key, 'ds') !== 'hidden') return described;
    const from = times.get(key.id);
    const reason = 'resolvers may still hold answers from before the zone was signed with it';
    return { ...described, wait: { reason, ...(from === undefined ? {} : { from }) } };
  });
  const { ds, cds } = publicationOf(signing);
  const foreign = foreignEntryPoints(signing).map((dnskey) => foreignKey(dnskey, signing));
  const report = planRegistrar(apexOf(zone), reported, ds, cds.kind === 'delete' && foreign.length === 0);
  return { ...report, keys: [...report.keys, ...foreign] };
}

/**
 * Return the DS RDATA of a key that the parent was last seen with. One whose digest cannot be computed counts by its key tag,
 * which no other key of the zone has.
 */
function foundOf(
  { id, keyTag, algorithm }: Pick<SigningKey, 'id' | 'keyTag' | 'algorithm'>,
  { parentDs = {}, foreignDs = [] }: ZoneSigning,
): readonly Rdata[] {
  const unknown = foreignDs.filter((text) => {
    const ds = parseDs(parseRdataText(rrTypes.DS, text));
    return ds.keyTag === keyTag && ds.algorithm === algorithm && !isKnownDigestType(ds.digestType);
  });
  return [...(parentDs[id] ?? []), ...unknown].map((text) => parseRdataText(rrTypes.DS, text));
}

/** What the parent is to do about a key of another signer, which no KMS of ours has. */
function foreignKey(dnskey: Rdata, signing: ZoneSigning): RegistrarKey {
  const key: ZoneKey = {
    role: 'ksk',
    algorithm: getAlgorithm(parseDnskey(dnskey).algorithm),
    dnskey,
    keyTag: keyTagOf(dnskey),
    kmsKey: { keyId: 'foreign', version: 0 },
  };
  const id = foreignId(dnskey);
  const found = foundOf({ id, keyTag: key.keyTag, algorithm: key.algorithm.number }, signing);
  const seen = found.length === 0 ? {} : { found };
  return signing.parent[id]?.kind === 'everywhere'
    ? {
        key,
        action: 'keep',
        reason: 'it is of another signer of the zone, and all servers of the parent have it',
        ...seen,
      }
    : {
        key,
        action: 'add',
        reason: 'it is of another signer of the zone, and not seen at all servers of the parent',
        ...seen,
      };
}
