import { secondsOf } from '#lib/clock.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { publicationOf } from '#dnssec/core/managed/zone-rollover.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { isAwaiting } from '#dnssec/operations/zones/look-at-parent.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ParentNotice } from '#dnssec/ports-parent.ts';

/** Seconds after each try that failed, until the next one. */
const pauses = [300, 1200, 4800, 19_200];

/**
 * Tell the parent that the CDS and CDNSKEY of a zone are new, once for each change, and not before all servers of the zone
 * have them. A try that failed is followed by some more, as long as the parent has not done as asked. What comes of it is an
 * event of the zone: a parent that was not told finds out by itself.
 *
 * The state of the zone tells which change was told of. A crash between the notice and that repeats the notice.
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
    const { signing, event } = afterNotice(current.signing, changedAt, notice, ports.clock.now());
    return { zone: { ...current, signing }, news: { events: event === undefined ? [] : [event] } };
  });
}

/** Note what became of a notice. @param at milliseconds since the epoch */
function afterNotice(
  { untold, ...signing }: ZoneSigning,
  changedAt: number,
  notice: ParentNotice,
  at: number,
): { readonly signing: ZoneSigning; readonly event?: ZoneEvent } {
  const done = { ...signing, toldOf: changedAt };
  if (notice.kind === 'unwanted') return { signing: done };
  if (notice.kind === 'told') {
    const text = `${notice.where} was told of new CDS records`;
    return { signing: done, event: { kind: 'parent-told', at, text } };
  }
  const tries = (untold?.of === changedAt ? untold.tries : 0) + 1;
  const pause = pauses[tries - 1];
  const failed = 'the parent could not be told of new CDS records';
  if (pause === undefined) {
    const text = `${failed} in ${tries} tries, and finds out by itself: ${notice.why}`;
    return { signing: done, event: { kind: 'parent-not-told', at, text } };
  }
  const waiting = { ...signing, untold: { of: changedAt, tries, nextAt: Math.floor(at / 1000) + pause } };
  if (tries > 1) return { signing: waiting };
  return {
    signing: waiting,
    event: { kind: 'parent-not-told', at, text: `${failed}, and is tried again: ${notice.why}` },
  };
}

/** Return when the CDS that a parent is still to act upon were changed, if it is to be told of that now. */
function untoldChange(signing: ZoneSigning, now: number): number | undefined {
  const { keys, policy, toldOf, untold } = signing;
  if (publicationOf(signing).cds.kind === 'none' || !isAwaiting(signing)) return undefined;
  const changes = keys.flatMap(({ records: { ds } }) =>
    ds?.state === 'rumoured' || ds?.state === 'unretentive' ? [ds.since] : [],
  );
  const changedAt = Math.max(...changes);
  const nextAt = untold?.of === changedAt ? untold.nextAt : changedAt + policy.propagationDelay;
  const isDue = now >= nextAt;
  return isDue && changedAt !== toldOf ? changedAt : undefined;
}
