import { secondsOf } from '#lib/clock.ts';
import { runwayOf } from '#dnssec/core/managed/runway.ts';
import { scopeOf } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** How far from its end the signing of a zone is. */
export interface ZoneRunway {
  readonly zone: ManagedZone;
  /** Seconds until the first signature that a resolver could hold expires; negative once it has. */
  readonly seconds: number;
  readonly isLow: boolean;
}

/** How all zones of a caller stand. */
export interface ZoneSummary {
  readonly total: number;
  readonly signed: number;
  /** Zones whose last try to sign failed. */
  readonly failing: number;
  /** The zone that is nearest to its end. */
  readonly shortest?: ZoneRunway;
  /** Zones with little runway, the shortest first, the first few of them. */
  readonly low: readonly ZoneRunway[];
  readonly lowCount: number;
}

/** Zones with little runway that are listed. */
const mostListed = 100;

/** Summarise the zones of a caller: how many there are, and which of them run out of signatures first. */
export async function summariseZones(ports: ZonePorts, caller: Caller): Promise<ZoneSummary> {
  const now = secondsOf(ports.clock);
  const zones = await ports.store.listZones(scopeOf(caller), {});
  const runways = zones
    .flatMap((zone): ZoneRunway[] =>
      zone.signing === undefined || zone.refreshAt === undefined
        ? []
        : [{ zone, ...runwayOf(zone.signing, zone.refreshAt, now) }],
    )
    .toSorted((left, right) => left.seconds - right.seconds);
  const low = runways.filter(({ isLow }) => isLow);
  return {
    total: zones.length,
    signed: zones.filter(({ signing }) => signing !== undefined).length,
    failing: zones.filter(({ signing }) => signing?.lastSignError !== undefined).length,
    ...(runways[0] === undefined ? {} : { shortest: runways[0] }),
    low: low.slice(0, mostListed),
    lowCount: low.length,
  };
}
