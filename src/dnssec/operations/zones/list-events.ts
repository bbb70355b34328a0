import { getOwnZone, scopeOf } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { NumberedZoneEvent } from '#dnssec/ports-zones.ts';

/** List events of a zone after a number, oldest first. @throws DnssecError not-found */
export async function listZoneEvents(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  after: number,
  limit: number,
): Promise<readonly NumberedZoneEvent[]> {
  const zone = await getOwnZone(ports, caller, id);
  return ports.store.eventsAfter(zone.id, after, limit);
}

/** List events of all zones of the caller after a number, oldest first, each with the identity of its zone. */
export async function listEvents(
  ports: ZonePorts,
  caller: Caller,
  after: number,
  limit: number,
): Promise<readonly { readonly event: NumberedZoneEvent; readonly zone: string }[]> {
  const events = await ports.store.eventsAfter(scopeOf(caller), after, limit);
  const identities = new Map<number, string>();
  for (const zone of new Set(events.map((event) => event.zone)))
    identities.set(zone, (await ports.store.getZone(zone)).identity);
  return events.map((event) => ({ event, zone: identities.get(event.zone) ?? '' }));
}
