import type { Octets } from '#lib/octets.ts';
import { type CanonicalName, type Name, nameLengthAt, type OrderKey } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { composeTypeBitmap } from '#dns/type-bitmap.ts';
import { type AuthorityNode, isInBitmap, type Standing, walkAuthority } from '#dnssec/core/zone/authority.ts';
import type { Zone } from '#dnssec/core/zone/zone.ts';

/** A denial RRset and where it stands in the zone. */
export interface DenialRRset {
  /** The name that it speaks of. */
  readonly subject: CanonicalName;
  readonly canonicalOwner: CanonicalName;
  readonly key: OrderKey;
  readonly rrset: RRset;
}

/**
 * Make the NSEC chain: one NSEC for each owner of authoritative data or of a zone cut, none for empty non-terminals and
 * occluded names, each pointing to the next and the last to the apex.
 *
 * Source: RFC 4034 §4, RFC 4035 §2.3.
 *
 * @param ttl seconds; see `denialTtl`
 */
export function* planNsec(zone: Zone, ttl: number): Generator<DenialRRset> {
  for (const [, denial] of withNsec(zone, ttl)) if (denial !== undefined) yield denial;
}

/**
 * Walk a zone and give each name with its NSEC, if it is due one.
 *
 * @param ttl seconds; see `denialTtl`
 */
export function* withNsec(zone: Zone, ttl: number): Generator<[node: AuthorityNode, denial: DenialRRset | undefined]> {
  /** The last name that is due an NSEC, and the names behind it that are due none. */
  let waiting: AuthorityNode | undefined;
  let passed: AuthorityNode[] = [];
  for (const node of walkAuthority(zone)) {
    if (node.standing === 'occluded' || node.standing === 'empty') {
      passed.push(node);
      continue;
    }
    if (waiting !== undefined) yield [waiting, nsecOf(waiting, node.owner, ttl)];
    for (const between of passed) yield [between, undefined];
    waiting = node;
    if (passed.length > 0) passed = [];
  }
  if (waiting !== undefined) yield [waiting, nsecOf(waiting, zone.apex, ttl)];
  for (const rest of passed) yield [rest, undefined];
}

function nsecOf(node: AuthorityNode, next: Name, ttl: number): DenialRRset {
  const rdata = (next + bitmapOf(node)) as Rdata;
  const rrset = { owner: node.owner, type: rrTypes.NSEC, ttl, rdatas: [rdata] };
  return { subject: node.canonicalOwner, canonicalOwner: node.canonicalOwner, key: node.key, rrset };
}

/** Bitmaps by standing and types: a zone has few kinds of names. */
const bitmaps = new Map<string, Octets>();
const mostBitmaps = 1000;

function bitmapOf({ standing, node }: AuthorityNode): Octets {
  const rrsets = node?.rrsets ?? [];
  let kind: string = standing;
  for (const { type } of rrsets) kind += String.fromCharCode(type);
  let bitmap = bitmaps.get(kind);
  if (bitmap === undefined) {
    const types = nsecTypes(
      standing,
      rrsets.map(({ type }) => type),
    );
    bitmap = composeTypeBitmap(new Set(types));
    if (bitmaps.size >= mostBitmaps) bitmaps.clear();
    bitmaps.set(kind, bitmap);
  }
  return bitmap;
}

/** Return the types of the bitmap of an NSEC at a name that stands so and has RRsets of these types. */
export function nsecTypes(standing: Standing, types: readonly RRType[]): RRType[] {
  return [rrTypes.RRSIG, rrTypes.NSEC, ...types.filter((type) => isInBitmap(standing, type))];
}

/** Compose NSEC RDATA. Source: RFC 4034 §4.1. */
export function composeNsec(next: Name, types: readonly RRType[]): Rdata {
  return (next + composeTypeBitmap(new Set(types))) as Rdata;
}

/** Return NSEC RDATA with another next name. */
export function nsecWithNext(rdata: Rdata, next: Name): Rdata {
  return (next + rdata.slice(nameLengthAt(rdata, 0))) as Rdata;
}

/**
 * Return the TTL of NSEC and NSEC3 records: the smaller of the SOA's TTL and its minimum field.
 *
 * Source: RFC 9077 §3.
 */
export function denialTtl(soaTtl: number, soaMinimum: number): number {
  return Math.min(soaTtl, soaMinimum);
}
