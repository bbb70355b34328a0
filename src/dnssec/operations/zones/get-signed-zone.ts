import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** Return a zone of the caller with what it is signed with. @throws DnssecError not-found, request-invalid when it is not signed */
export async function getSignedZone(
  ports: ZonePorts,
  caller: Caller,
  id: string,
): Promise<{ readonly zone: ManagedZone; readonly signing: ZoneSigning }> {
  const zone = await getOwnZone(ports, caller, id);
  return { zone, signing: signingOf(zone) };
}

/** @throws DnssecError request-invalid when the zone is not signed */
export function signingOf({ name, signing }: ManagedZone): ZoneSigning {
  if (signing === undefined) throw new DnssecError('request-invalid', `zone ${name} is not signed`);
  return signing;
}
