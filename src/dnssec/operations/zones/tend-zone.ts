import { secondsOf } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { runwayOf } from '#dnssec/core/managed/runway.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { noteObstacles, type Obstacle, obstaclesOf } from '#dnssec/core/managed/stuck.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { advanceZone, dueTime } from '#dnssec/core/managed/zone-rollover.ts';
import { introduceSuccessors, isNews } from '#dnssec/operations/zones/introduce-successors.ts';
import { lookAtParent } from '#dnssec/operations/zones/look-at-parent.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import { publishSignals } from '#dnssec/operations/zones/publish-signals.ts';
import { publishSteps } from '#dnssec/operations/zones/publish-steps.ts';
import { tellParent } from '#dnssec/operations/zones/tell-parent.ts';
import { withZoneMemory } from '#dnssec/operations/zones/zone-memory.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** Seconds before a zone is tried again that could not be tended when somebody asked for it. */
const retryAfter = 60;

/**
 * Do everything that is due for a zone: renew signatures, look at what the parent shows and tell it of new CDS, take up new
 * versions of its KMS keys, advance its rollovers and publish what follows, a few hundred signatures to a version, and set when it is due
 * again. It needs nothing but the zone's number, may be repeated and broken off at any time, and may run in several
 * processes at once: each step is one transaction that is made for the state that was read.
 *
 * What fails leaves the zone published as it is; who calls notes that. Renewals come first, so that nothing else can hold
 * them up.
 *
 * @throws DnssecError kms-refused, kms-unavailable, key-invalid, signature-invalid, signing-refused, conflict, not-found
 */
export function tendZone(outer: ZonePorts, zoneId: number): Promise<void> {
  return withZoneMemory(outer, zoneId, async (ports) => {
    await publishSteps(ports, zoneId);
    const isParentNews = await lookAtParent(ports, zoneId);
    const isKmsNews = await introduceSuccessors(ports, zoneId);
    if (isParentNews || isKmsNews) await publishSteps(ports, zoneId);
    await publishSignals(ports, zoneId);
    await tellParent(ports, zoneId);
    await settle(ports, zoneId);
  });
}

/**
 * Tend a zone after a change that is made already, but for its parent, for whom nobody is kept waiting. What fails is in the
 * status of the zone, and is tried again.
 */
export async function tendNoted(outer: ZonePorts, zoneId: number): Promise<void> {
  try {
    await withZoneMemory(outer, zoneId, async (ports) => {
      await publishSteps(ports, zoneId);
      if (await introduceSuccessors(ports, zoneId)) await publishSteps(ports, zoneId);
      await settle(ports, zoneId);
    });
  } catch (error) {
    if (!(error instanceof DnssecError)) throw error;
    await noteFailure(outer, zoneId, error, retryAfter);
  }
}

/** Set when the zone is due again, now that all that was due is done. */
async function settle(ports: ZonePorts, zoneId: number): Promise<void> {
  await noteZone(ports, zoneId, async (before) => {
    const { refreshAt: _r, dueAt: _d, ...zone } = before;
    if (before.signing === undefined) return before.dueAt === undefined ? undefined : { zone };
    const { wakeAt: _w, lastSignError: _l, isRunwayLow: _i, waits: _s, ...rest } = before.signing;
    const step = advanceZone(before.signing, secondsOf(ports.clock));
    const { wakeAt } = step.signing;
    const { waits, events } = noteObstacles(before.signing, obstaclesOf(rest, step.waiting), ports.clock.now());
    const signing = { ...rest, ...(wakeAt === undefined ? {} : { wakeAt }), ...withWaits(waits) };
    const heard = await ports.store.kmsKeysOf(zoneId);
    if (heard.some((one) => isNews(signing, one))) return undefined; // heard meanwhile, and due now
    const refreshAt = await ports.store.firstRefresh(zoneId);
    const settled = { ...zone, signing, ...(refreshAt === undefined ? {} : { refreshAt }) };
    const dueAt = dueTime(settled);
    const after = dueAt === undefined ? settled : { ...settled, dueAt };
    return standingOf(after) === standingOf(before) ? undefined : { zone: after, news: { events } };
  });
}

function withWaits(waits: Required<ZoneSigning>['waits']): Pick<ZoneSigning, 'waits'> {
  return Object.keys(waits).length === 0 ? {} : { waits };
}

function standingOf({ signing, refreshAt, dueAt }: ManagedZone): string {
  const { wakeAt, lastSignError, isRunwayLow, waits } = signing ?? {};
  return JSON.stringify([wakeAt, lastSignError, isRunwayLow, waits, refreshAt, dueAt]);
}

/**
 * Note why a zone could not be tended, and that it is due again after some seconds; tell once that its signatures run out,
 * and once that this holds up a rollover for long.
 */
export async function noteFailure(ports: ZonePorts, zoneId: number, error: unknown, pause: number): Promise<void> {
  await noteZone(ports, zoneId, async (zone) => {
    if (zone.signing === undefined) return undefined;
    const now = ports.clock.now();
    const message = messageOf(error).slice(0, 500);
    const first = await ports.store.firstRefresh(zoneId);
    const runway = first === undefined ? undefined : runwayOf(zone.signing, first, Math.floor(now / 1000));
    const isLow = runway?.isLow === true;
    const text = `signatures of the zone run out for the first resolver in ${runway?.seconds} s: ${message}`;
    const isToldFirst = isLow && zone.signing.isRunwayLow !== true;
    const low: ZoneEvent[] = isToldFirst ? [{ kind: 'runway-low', at: now, text, details: { ...runway } }] : [];
    const { waits, events } = noteObstacles(
      zone.signing,
      await obstaclesAfter(ports, zone, zone.signing, message),
      now,
    );
    const { waits: _, ...rest } = zone.signing;
    const signing = { ...rest, lastSignError: message, ...(isLow ? { isRunwayLow: true } : {}), ...withWaits(waits) };
    return {
      zone: { ...zone, signing, dueAt: Math.floor(now / 1000) + pause },
      news: { events: [...low, ...events] },
    };
  });
}

/** What is in the way of a zone's rollovers after it could not be tended: that too, if one is under way or about to begin. */
async function obstaclesAfter(
  { store, clock }: Pick<ZonePorts, 'store' | 'clock'>,
  zone: Pick<ManagedZone, 'id'>,
  signing: ZoneSigning,
  message: string,
): Promise<Obstacle[]> {
  const { waiting, transitions } = advanceZone(signing, secondsOf(clock));
  const obstacles = obstaclesOf(signing, waiting);
  const heard = await store.kmsKeysOf(zone.id);
  const isRolling = waiting.length > 0 || transitions.length > 0 || heard.some((one) => isNews(signing, one));
  const details = { waitsFor: 'signing', lastSignError: message };
  return isRolling ? [...obstacles, { name: 'signing', kind: 'signing', text: message, details }] : obstacles;
}
