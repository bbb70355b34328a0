import { canonicalName } from '#dns/name.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { planRegistrar, type RegistrarReport } from '#dnssec/core/export/registrar-report.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { apexOf } from '#dnssec/operations/zones/publish-version.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';

/**
 * Tell what the parent of a zone is to do about the DS of each of its keys.
 *
 * @throws DnssecError not-found, conflict when the zone is not signed, kms-refused, kms-unavailable
 */
export async function reportToRegistrar(ports: ZonePorts, caller: Caller, id: string): Promise<RegistrarReport> {
  const zone = await getOwnZone(ports, caller, id);
  const { signing } = zone;
  if (signing === undefined) throw new DnssecError('conflict', `zone ${zone.name} is not signed: it needs no DS`);
  const keys = await ports.keys.get(signing.keys, ports.serviceSigner(zone, signing.region));
  const from = Math.ceil(signing.publishDsAfter / 1000);
  const wait = { from, reason: 'resolvers may still hold answers from before the zone was signed' };
  const reported = keys.map((key, index) => ({ id: String(index), key, wait }));
  const isSafe = ports.clock.now() >= signing.publishDsAfter;
  const wanted = isSafe ? reported.filter(({ key }) => key.role !== 'zsk').map((one) => one.id) : [];
  return planRegistrar(canonicalName(apexOf(zone)), reported, { wanted, add: wanted, remove: [], lingering: [] });
}
