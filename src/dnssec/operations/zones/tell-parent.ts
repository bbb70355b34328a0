import { secondsOf } from '#lib/clock.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { publicationOf } from '#dnssec/core/managed/zone-rollover.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { isAwaiting } from '#dnssec/operations/zones/look-at-parent.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ParentNotice } from '#dnssec/ports-parent.ts';

/**
 * Tell the parent that the CDS and CDNSKEY of a zone are new, once for each change, and not before all servers of the zone
 * have them. What comes of it is an event of the zone: a parent that was not told finds out by itself.
 *
 * Source: RFC 9859 §4.2.
 */
export async function tellParent(ports: ZonePorts, zoneId: number): Promise<void> {
  const { parentNotifier } = ports;
  const zone = await ports.store.getZone(zoneId);
  if (parentNotifier === undefined || zone.signing === undefined) return;
  const changedAt = untoldChange(zone.signing, secondsOf(ports.clock));
  if (changedAt === undefined) return;
  const notice = await parentNotifier.notifyCds(apexOf(zone));
  await noteZone(ports, zoneId, async (current) => {
    if (current.signing === undefined) return undefined;
    const signing = { ...current.signing, toldOf: changedAt };
    return { zone: { ...current, signing }, news: { events: eventsOf(notice, ports.clock.now()) } };
  });
}

/** Return when the CDS that a parent is still to act upon were changed, if it is to be told of that now. */
function untoldChange(signing: ZoneSigning, now: number): number | undefined {
  const { keys, policy, toldOf } = signing;
  if (publicationOf(signing).cds.kind === 'none' || !isAwaiting(signing)) return undefined;
  const changes = keys.flatMap(({ records: { ds } }) =>
    ds?.state === 'rumoured' || ds?.state === 'unretentive' ? [ds.since] : [],
  );
  const changedAt = Math.max(...changes);
  const isDue = now >= changedAt + policy.propagationDelay;
  return isDue && changedAt !== toldOf ? changedAt : undefined;
}

function eventsOf(notice: ParentNotice, at: number): ZoneEvent[] {
  if (notice.kind === 'unwanted') return [];
  if (notice.kind === 'told') return [{ kind: 'parent-told', at, text: `${notice.where} was told of new CDS records` }];
  return [{ kind: 'parent-not-told', at, text: `the parent could not be told of new CDS records: ${notice.why}` }];
}
