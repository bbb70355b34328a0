import type { RecordName } from '#dnssec/core/rollover/key-state.ts';

/**
 * What was seen of a record when all servers were asked; `since`, in seconds since the epoch, is when it was first seen so
 * without a break. No sighting at all means that not every server could be asked: nothing is concluded from that.
 */
export type Sighting =
  | { readonly kind: 'everywhere'; readonly since: number }
  | { readonly kind: 'nowhere'; readonly since: number }
  | { readonly kind: 'somewhere' };

/** What all servers of the parent show of each key's DS, by key id. */
export type ParentSightings = ReadonlyMap<string, Sighting>;

/**
 * What the published zone version holds of each key's records, by key id. A DNSKEY or its signature is everywhere once a
 * version with it is published, a zrrsig once every signed RRset has one, and nowhere once none has.
 */
export type ZoneSightings = ReadonlyMap<string, Readonly<Partial<Record<Exclude<RecordName, 'ds'>, Sighting>>>>;
