import type { Octets } from '#lib/octets.ts';
import type { Name } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';

declare const rdata: unique symbol;

/** RDATA in uncompressed wire form, at most 65 535 octets, letter case as given; valid for its type. */
export type Rdata = Octets & { readonly [rdata]: true };

/** One resource record of class IN. */
export interface ResourceRecord {
  readonly owner: Name;
  readonly type: RRType;
  /** Seconds, 0 to 2³¹ − 1. Source: RFC 2181 §8. */
  readonly ttl: number;
  readonly rdata: Rdata;
}

/** All records of one owner and type, with the one TTL they share. Source: RFC 2181 §5. */
export interface RRset {
  readonly owner: Name;
  readonly type: RRType;
  /** Seconds. */
  readonly ttl: number;
  /** One or more, none twice; in the order given, not in canonical order. */
  readonly rdatas: readonly Rdata[];
}
