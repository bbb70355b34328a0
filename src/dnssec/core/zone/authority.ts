import { type CanonicalName, isWithin, type Name, type OrderKey, orderKeyOf, parentOf } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import { typesOf, type Zone, type ZoneNode } from '#dnssec/core/zone/zone.ts';

/**
 * How a name stands to the zone:
 * - `authoritative`: its data belong to the zone;
 * - `secure-delegation`, `insecure-delegation`: a zone cut with and without DS;
 * - `occluded`: below a cut or a DNAME, glue among it: present, but not part of the zone's own data;
 * - `empty`: an empty non-terminal, which has no data but names below it.
 */
export type Standing = 'authoritative' | 'secure-delegation' | 'insecure-delegation' | 'occluded' | 'empty';

export interface AuthorityNode {
  readonly owner: Name;
  readonly canonicalOwner: CanonicalName;
  readonly key: OrderKey;
  readonly standing: Standing;
  /** Absent for empty non-terminals. */
  readonly node: ZoneNode | undefined;
}

/**
 * Walk a zone in canonical order and tell how each name stands to it, empty non-terminals included. This is the only
 * place that knows of zone cuts: signing, denial, checks and verification all go by what it yields.
 *
 * Empty non-terminals are yielded only above names that are not occluded: what lies below a cut makes none.
 *
 * Source: RFC 4035 §2.2, RFC 6672 §2.4, RFC 5155 §7.1.
 */
export function* walkAuthority(zone: Zone): Generator<AuthorityNode> {
  /** Key of the delegation or DNAME whose descendants are being passed. */
  let coverKey: OrderKey | undefined;
  let previous = zone.apex;
  for (const node of zone.nodes) {
    const { owner, canonicalOwner, key } = node;
    if (coverKey !== undefined && key.startsWith(coverKey)) {
      yield { owner, canonicalOwner, key, standing: 'occluded', node };
      continue;
    }
    if (canonicalOwner.length > canonicalOwner.charCodeAt(0) + 1 + zone.apex.length)
      yield* emptyNonTerminals(canonicalOwner, previous, zone.apex);
    const types = typesOf(node);
    const standing = standingOf(types, canonicalOwner === zone.apex);
    coverKey = isCover(types, canonicalOwner === zone.apex) ? key : undefined;
    previous = canonicalOwner;
    yield { owner, canonicalOwner, key, standing, node };
  }
}

/** Tell how a name that has data and is not occluded stands, by the types of its RRsets. */
export function standingOf(
  types: readonly RRType[],
  isApex: boolean,
): 'authoritative' | 'secure-delegation' | 'insecure-delegation' {
  if (isApex || !types.includes(rrTypes.NS)) return 'authoritative';
  return types.includes(rrTypes.DS) ? 'secure-delegation' : 'insecure-delegation';
}

/** Tell whether names below one with these types are occluded. Source: RFC 4035 §2.2, RFC 6672 §2.4. */
export function isCover(types: readonly RRType[], isApex: boolean): boolean {
  return types.includes(rrTypes.DNAME) || (!isApex && types.includes(rrTypes.NS));
}

/**
 * Yield the ancestors of a name that own nothing, from the top down. Whatever is an ancestor of the name before in
 * canonical order, or that name itself, has been yielded already.
 */
function* emptyNonTerminals(
  name: CanonicalName,
  previous: CanonicalName,
  apex: CanonicalName,
): Generator<AuthorityNode> {
  const missing: CanonicalName[] = [];
  for (
    let ancestor = parentOf(name);
    ancestor !== undefined && ancestor.length > apex.length;
    ancestor = parentOf(ancestor)
  ) {
    if (isWithin(previous, ancestor)) break;
    missing.push(ancestor);
  }
  for (const owner of missing.toReversed()) {
    yield { owner, canonicalOwner: owner, key: orderKeyOf(owner), standing: 'empty', node: undefined };
  }
}

/**
 * Tell whether an RRset of a type is signed at a name that stands so: at a delegation only what the parent side owns,
 * DS and the denial of it; nothing that is occluded; never RRSIGs.
 *
 * Source: RFC 4035 §2.2.
 */
export function isSigned(standing: Standing, type: RRType): boolean {
  if (type === rrTypes.RRSIG) return false;
  if (standing === 'authoritative') return true;
  return (
    (standing === 'secure-delegation' || standing === 'insecure-delegation') &&
    (type === rrTypes.DS || type === rrTypes.NSEC)
  );
}

/**
 * Tell whether the zone's denial of existence speaks of a type at a name that stands so. At a delegation that is NS and
 * what is signed there; addresses at a cut are glue.
 *
 * Source: RFC 4034 §4.1.2, RFC 4035 §2.3.
 */
export function isInBitmap(standing: Standing, type: RRType): boolean {
  if (standing === 'authoritative') return true;
  return (
    isSigned(standing, type) ||
    (type === rrTypes.NS && (standing === 'secure-delegation' || standing === 'insecure-delegation'))
  );
}
