import { secondsOf } from '#lib/clock.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { planRegistrar, type RegistrarReport, type ReportedKey } from '#dnssec/core/export/registrar-report.ts';
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
    const described = { id: key.id, key: zoneKeyOf(key) };
    if (key.goal === 'hidden' || stateOf(key, 'ds') !== 'hidden') return described;
    const from = times.get(key.id);
    const reason = 'resolvers may still hold answers from before the zone was signed with it';
    return { ...described, wait: { reason, ...(from === undefined ? {} : { from }) } };
  });
  const { ds, cds } = publicationOf(signing);
  return planRegistrar(apexOf(zone), reported, ds, cds.kind === 'delete');
}
