import { secondsOf } from '#lib/clock.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { eventOfSighting } from '#dnssec/core/managed/describe-moves.ts';
import { eventOfForeignSighting, foreignEntryPoints, foreignId } from '#dnssec/core/managed/foreign-keys.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { newestTtl, noteTtls, withSighting } from '#dnssec/core/managed/zone-rollover.ts';
import type { Sighting } from '#dnssec/core/rollover/sightings.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { DsAnswer } from '#dnssec/ports-parent.ts';

/** Seconds between two looks at the parent at most: while a change is awaited there, and otherwise. */
const interval = { awaiting: 300, watching: 3600 };

/**
 * Ask the parent what it shows of the DS of a zone's keys, if that is due. What could not be asked leaves things as they
 * were.
 *
 * @param isUrgent whether it is asked in any case
 * @returns whether the parent shows something new
 */
export async function lookAtParent(ports: ZonePorts, zoneId: number, isUrgent = false): Promise<boolean> {
  const { parentProbe } = ports;
  const zone = await ports.store.getZone(zoneId);
  const now = secondsOf(ports.clock);
  if (parentProbe === undefined || zone.signing === undefined) return false;
  if (!isUrgent && (zone.signing.probeAt ?? now) > now) return false;
  const keys = [
    ...zone.signing.keys.filter((key) => key.records.ds !== undefined),
    ...foreignEntryPoints(zone.signing).map((dnskey) => ({ id: foreignId(dnskey), dnskey })),
  ];
  const dnskeys = keys.map(({ dnskey }) => dnskey);
  const answer = await parentProbe.lookUpDs({ apex: apexOf(zone), dnskeys });
  const { shown, ttl } = answer;
  let isNews = false;
  await noteZone(ports, zoneId, async (current) => {
    if (current.signing === undefined) return undefined;
    const seen = keys.flatMap(({ id }, index) => {
      const kind = shown[index];
      return kind === undefined || kind === 'unknown' ? [] : [{ id, kind }];
    });
    const noted = noteFound(noteAnswer(current.signing, answer), keys, answer);
    const note = noteSightings(noted, seen, ports.clock.now());
    isNews = note.isNews;
    const at = secondsOf(ports.clock);
    const ttls = ttl === undefined ? note.signing.ttls : noteTtls(note.signing, { ds: ttl }, at);
    const signing = { ...note.signing, ttls };
    const probeAt = at + (isAwaiting(signing) ? awaitingInterval(signing) : interval.watching);
    return {
      zone: { ...current, signing: { ...signing, probeAt } },
      news: { events: [...foreignEvents(current.signing, signing, ports.clock.now()), ...note.events] },
    };
  });
  return isNews;
}

/** Return the seconds between two looks for a change: what spreads within a short TTL is looked for as often. */
export function awaitingInterval({ ttls }: Pick<ZoneSigning, 'ttls'>): number {
  return Math.min(interval.awaiting, Math.max(1, newestTtl(ttls, 'ds')));
}

/** Tell whether servers of the parent do not show yet what the zone asks for. */
export function isAwaiting({ keys, parent }: ZoneSigning): boolean {
  return keys.some(({ id, records }) => {
    const state = records.ds?.state;
    if (state === 'rumoured') return parent[id]?.kind !== 'everywhere';
    return state === 'unretentive' && parent[id]?.kind !== 'nowhere';
  });
}

/** Problems with single servers that are worth keeping. */
const mostProblems = 10;

/**
 * Note DS of the parent that stand for none of the zone's keys, and what kept servers from being asked. What was seen before
 * is gone only if every server shows that.
 */
function noteAnswer(signing: ZoneSigning, { others, isComplete, problems, isValidated }: DsAnswer): ZoneSigning {
  const { foreignDs: before = [], parentProblems: _, isParentValidated: _v, ...rest } = signing;
  const seen = others.map((ds) => formatRdata(rrTypes.DS, ds));
  const foreignDs = isComplete ? seen : [...new Set([...before, ...seen])];
  return {
    ...rest,
    ...(foreignDs.length === 0 ? {} : { foreignDs }),
    ...(isValidated === undefined ? {} : { isParentValidated: isValidated }),
    ...(problems.length === 0 ? {} : { parentProblems: problems.slice(0, mostProblems) }),
  };
}

/** Note which DS of each key the parent has. What was seen before is gone only if every server shows that. */
function noteFound(
  signing: ZoneSigning,
  keys: readonly { readonly id: string }[],
  { found, isComplete }: DsAnswer,
): ZoneSigning {
  const { parentDs: before = {}, ...rest } = signing;
  const asked = new Set(keys.map(({ id }) => id));
  const unasked = Object.entries(before).filter(([id]) => !asked.has(id));
  const seen = keys.map(({ id }, index) => {
    const here = (found[index] ?? []).map((ds) => formatRdata(rrTypes.DS, ds));
    return [id, isComplete ? here : [...new Set([...(before[id] ?? []), ...here])]] as const;
  });
  const all = [...unasked, ...seen].filter(([, list]) => list.length > 0);
  return all.length === 0 ? rest : { ...rest, parentDs: Object.fromEntries(all) };
}

function foreignEvents(
  { foreignDs: before = [] }: ZoneSigning,
  { foreignDs = [] }: ZoneSigning,
  at: number,
): ZoneEvent[] {
  const news = foreignDs.filter((ds) => !before.includes(ds));
  return news.map((ds) => ({
    kind: 'parent-unexpected',
    at,
    text: `the parent has a DS that stands for no key of the zone: ${ds}`,
    details: { ds },
  }));
}

interface SeenDs {
  readonly id: string;
  readonly kind: Sighting['kind'];
}

/** Note what the parent shows of the DS of keys, and tell what of it is new. @param at milliseconds since the epoch */
export function noteSightings(
  before: ZoneSigning,
  seen: readonly SeenDs[],
  at: number,
): { readonly signing: ZoneSigning; readonly events: readonly ZoneEvent[]; readonly isNews: boolean } {
  let signing = before;
  const events: ZoneEvent[] = [];
  for (const { id, kind } of seen) {
    const key = before.keys.find((one) => one.id === id);
    const foreign = before.foreignKeys?.find((dnskey) => foreignId(dnskey) === id);
    if (key === undefined && foreign === undefined) continue;
    signing = withSighting(signing, id, kind, Math.floor(at / 1000));
    const earlier = before.parent[id]?.kind;
    const event =
      key === undefined
        ? foreign && eventOfForeignSighting(foreign, earlier, kind, at)
        : eventOfSighting(key, earlier, kind, at);
    if (event !== undefined) events.push(event);
  }
  return { signing, events, isNews: signing !== before };
}
