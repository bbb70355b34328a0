import type { Octets } from '#lib/octets.ts';
import type { Name, OrderKey } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';

/** An RRset as a version of a zone publishes it. */
export interface SignedRRset {
  readonly key: OrderKey;
  readonly rrset: RRset;
  /** RRSIG RDATA; none where the RRset is published unsigned. */
  readonly rrsigs: readonly Rdata[];
}

/** An owner and the types of its RRsets, ascending, those of denial and RRSIG not among them. */
export interface OwnerTypes {
  readonly owner: Name;
  readonly key: OrderKey;
  readonly types: readonly RRType[];
}

/**
 * One version of a zone, looked at in the few places that a change touches. Every call costs about the same whatever the
 * size of the zone, but for `ownersBelow`.
 */
export interface ZoneView {
  /** RRsets of an owner, in ascending order of type, without those of denial. */
  rrsetsAt(key: OrderKey): Promise<readonly SignedRRset[]>;
  /** Whether there are data at any name below. */
  hasBelow(key: OrderKey): Promise<boolean>;
  /** All names with data below, in canonical order. */
  ownersBelow(key: OrderKey): Promise<readonly OwnerTypes[]>;
}

/** A link of the chain of denial. */
export interface ChainLink {
  /** Where it stands in the chain: an order key with NSEC, a hash with NSEC3. Sorts with `<`. */
  readonly place: Octets;
  /** The name that it speaks of. */
  readonly nameKey: OrderKey;
  /** Owner of the NSEC or NSEC3. */
  readonly owner: Name;
  readonly rdata: Rdata;
}

/** The chain of denial of one version, looked at in a few places. */
export interface ChainView {
  findLink(place: Octets): Promise<ChainLink | undefined>;
  /** The link before or after a place, which itself may be empty; not around the end. */
  linkBefore(place: Octets): Promise<ChainLink | undefined>;
  linkAfter(place: Octets): Promise<ChainLink | undefined>;
  firstLink(): Promise<ChainLink | undefined>;
  lastLink(): Promise<ChainLink | undefined>;
  /** Up to `limit` names below a name that have links. */
  namesBelow(nameKey: OrderKey, limit: number): Promise<readonly OrderKey[]>;
}
