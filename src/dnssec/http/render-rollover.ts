import { formatInstant } from '#lib/clock.ts';
import type { TimelineResponse, ZoneEventItem } from '#dnssec/api-signing.ts';
import type { Outage } from '#dnssec/core/rollover/emergency.ts';
import type { TimelineFacts } from '#dnssec/core/timeline/timeline.ts';
import { formatSeconds } from '#dnssec/http/render-signing.ts';
import type { NumberedZoneEvent } from '#dnssec/ports-zones.ts';

/** @param zone identity of its zone, where that is not plain */
export function renderEvent({ number, kind, at, text, details }: NumberedZoneEvent, zone?: string): ZoneEventItem {
  return {
    number,
    ...(zone === undefined ? {} : { zone }),
    kind,
    at: formatInstant(at),
    text,
    ...(details === undefined ? {} : { details: { ...details } }),
  };
}

export function renderTimeline({ zone, now, keys, past, planned }: TimelineFacts): TimelineResponse {
  return {
    zone,
    now: formatSeconds(now),
    keys: keys.map(({ id, title, detail }) => ({ key: id, title, detail })),
    past: past.map(({ at, ...move }) => ({ ...move, at: formatSeconds(at) })),
    planned: planned.map(({ at, isAtTheEarliest, ...move }) => ({
      ...move,
      at: formatSeconds(at),
      atTheEarliest: isAtTheEarliest,
    })),
  };
}

export function renderOutage({ zone, afterParent }: Outage) {
  return { zoneSeconds: zone, ...(afterParent === undefined ? {} : { afterParentSeconds: afterParent }) };
}
