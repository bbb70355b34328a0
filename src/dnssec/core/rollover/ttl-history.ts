/** A TTL that was published for some time, in seconds. */
export interface TtlLevel {
  readonly ttl: number;
  /** When a version without it took its place; absent: it is published now. */
  readonly until?: number;
}

/** The TTLs of a kind of RRset that caches may still count by, oldest first; the last is published now. */
export type TtlHistory = readonly TtlLevel[];

/** The TTLs that rollovers wait for. */
export interface RolloverTtls {
  readonly dnskey: TtlHistory;
  /** The largest of the zone's RRsets. */
  readonly zone: TtlHistory;
  /** How long "no such name" and "no such data" of the zone are kept. Source: RFC 2308 §5. */
  readonly negative: TtlHistory;
  /** Of the DS RRset at the parent. */
  readonly ds: TtlHistory;
}

export type TtlKind = keyof RolloverTtls;

const hour = 3600;
const day = 24 * hour;

export const defaultTtls: Readonly<Record<TtlKind, number>> = { dnskey: hour, zone: day, negative: hour, ds: day };

/** Start histories with TTLs that count for all of the past. @param ttls in seconds */
export function startTtls(ttls: Readonly<Record<TtlKind, number>> = defaultTtls): RolloverTtls {
  const { dnskey, zone, negative, ds } = ttls;
  return { dnskey: [{ ttl: dnskey }], zone: [{ ttl: zone }], negative: [{ ttl: negative }], ds: [{ ttl: ds }] };
}

/**
 * Note the TTL with which a kind of RRset is published from `now` on, and forget those that no cache counts by any more.
 * It is called together with the publication: a smaller TTL that is noted before it is published would be believed too soon.
 *
 * @param ttl in seconds
 * @param now seconds since the epoch
 * @param slack seconds after its expiry for which a level is kept: the propagation delay and safety that guards add
 */
export function noteTtl(history: TtlHistory, ttl: number, now: number, slack: number): TtlHistory {
  const last = history.at(-1);
  const kept = history.filter((level) => level.until === undefined || level.until + level.ttl + slack > now);
  if (last === undefined) return [{ ttl }];
  return last.ttl === ttl ? kept : [...kept.slice(0, -1), { ...last, until: now }, { ttl }];
}

/**
 * Return the time by which the last cache has forgotten what was published before a change: for each TTL, as long after it
 * was last given out before the change as it says. A TTL that came later counts too: clocks are not good enough to tell.
 *
 * @param change seconds since the epoch
 */
export function forgottenAt(history: TtlHistory, change: number): number {
  return Math.max(change, ...history.map(({ ttl, until }) => Math.min(until ?? change, change) + ttl));
}
