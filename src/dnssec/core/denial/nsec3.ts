import { hash } from 'node:crypto';
import { bytesFrom, joinOctets, type Octets, octetsOf, octetsToBase32hex, sliceOctets, uint16 } from '#lib/octets.ts';
import { type CanonicalName, type OrderKey, orderKeyOf, prependLabel } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { composeTypeBitmap } from '#dns/type-bitmap.ts';
import { HashedNames } from '#dnssec/core/denial/hashed-names.ts';
import type { DenialRRset } from '#dnssec/core/denial/nsec.ts';
import { type AuthorityNode, isInBitmap, isSigned, type Standing, walkAuthority } from '#dnssec/core/zone/authority.ts';
import { typesOf, type Zone } from '#dnssec/core/zone/zone.ts';

/** How owner names are hashed. Source: RFC 5155 §4.1. */
export interface Nsec3Parameters {
  /** Additional iterations; 0 is the only value that is right for new zones. Source: RFC 9276 §3.1. */
  readonly iterations: number;
  /** Up to 255 octets; empty for new zones. */
  readonly salt: Octets;
  /** Whether insecure delegations may lie in the gaps. Source: RFC 5155 §6. */
  readonly optOut: boolean;
}

export const defaultNsec3: Nsec3Parameters = { iterations: 0, salt: '' as Octets, optOut: false };

const sha1 = 1;
const optOutFlag = 1;
export const hashOctets = 20;

/**
 * Hash a name for NSEC3.
 *
 * Source: RFC 5155 §5.
 *
 * @returns 20 octets
 */
export function hashName(
  name: CanonicalName,
  { iterations, salt }: Pick<Nsec3Parameters, 'iterations' | 'salt'>,
): Octets {
  let digest = sha1Of(joinOctets(name, salt));
  for (let round = 0; round < iterations; round++) digest = sha1Of(joinOctets(digest, salt));
  return digest;
}

/** Matches text that is the same octets in ASCII and in UTF-8, as which Node hashes strings. */
const ascii = /^[\0-\x7f]*$/; // oxlint-disable-line no-control-regex -- octets are what it is about

function sha1Of(octets: Octets): Octets {
  return hash('sha1', ascii.test(octets) ? octets : bytesFrom(octets), 'binary') as Octets;
}

/** Return the owner name of the NSEC3 for a hash. Source: RFC 5155 §3. */
export function nsec3Owner(hashed: Octets, apex: CanonicalName): CanonicalName {
  return prependLabel(octetsToBase32hex(hashed), apex) as CanonicalName;
}

/** Compose the NSEC3PARAM record; its flags are 0 even with opt-out. Source: RFC 5155 §4.1.2. */
export function nsec3ParamRRset(apex: CanonicalName, { iterations, salt }: Nsec3Parameters): RRset {
  const rdata = joinOctets(octetsOf(sha1, 0), uint16(iterations), octetsOf(salt.length), salt) as Rdata;
  return { owner: apex, type: rrTypes.NSEC3PARAM, ttl: 0, rdatas: [rdata] };
}

/** A name that is due an NSEC3 and the types of its bitmap. */
export interface Nsec3Due {
  readonly owner: CanonicalName;
  readonly types: readonly RRType[];
}

/**
 * Return the names that are due an NSEC3, in canonical order: all with authoritative data or a secure cut, insecure cuts
 * unless opted out, and every empty non-terminal but those that lead to opted-out cuts only.
 *
 * Source: RFC 5155 §7.1.
 */
export function* nsec3Due(zone: Zone, optOut: boolean): Generator<Nsec3Due> {
  const waiting: AuthorityNode[] = [];
  for (const node of walkAuthority(zone)) {
    if (node.standing === 'occluded') continue;
    while (waiting.length > 0 && !node.key.startsWith((waiting.at(-1) as AuthorityNode).key)) waiting.pop();
    if (node.standing === 'empty') {
      waiting.push(node);
    } else if (!(optOut && node.standing === 'insecure-delegation')) {
      for (const empty of waiting.splice(0)) yield { owner: empty.canonicalOwner, types: [] };
      yield {
        owner: node.canonicalOwner,
        types: nsec3Types(node.standing, node.node === undefined ? [] : typesOf(node.node)),
      };
    }
  }
}

/** Return the types of the bitmap of an NSEC3. Source: RFC 5155 §7.1, RFC 5155 §3.2.1. */
export function nsec3Types(standing: Standing, types: readonly RRType[]): RRType[] {
  const shown = types.filter((type) => isInBitmap(standing, type));
  return shown.some((type) => isSigned(standing, type)) ? [...shown, rrTypes.RRSIG] : shown;
}

/**
 * Make the NSEC3 chain, in order of hash, which is canonical order among these names.
 *
 * Source: RFC 5155 §7.1.
 *
 * @param ttl seconds; see `denialTtl`
 * @throws DnssecError zone-invalid when two names have one hash
 */
export function planNsec3(zone: Zone, parameters: Nsec3Parameters, ttl: number): Generator<DenialRRset> {
  const names = new HashedNames();
  for (const { owner, types } of nsec3Due(zone, parameters.optOut))
    names.add(owner, hashName(owner, parameters), types);
  return nsec3Chain(zone.apex, names, names.inOrder(), nsec3Head(parameters), ttl);
}

/** An NSEC3 RRset. Whose it is is looked up when it is asked for. */
class Nsec3 implements DenialRRset {
  readonly canonicalOwner: CanonicalName;
  readonly key: OrderKey;
  readonly rrset: RRset;
  readonly #names: HashedNames;
  readonly #number: number;

  constructor(names: HashedNames, number: number, key: OrderKey, rrset: RRset & { readonly owner: CanonicalName }) {
    this.canonicalOwner = rrset.owner;
    this.key = key;
    this.rrset = rrset;
    this.#names = names;
    this.#number = number;
  }

  get subject(): CanonicalName {
    return this.#names.ownerOf(this.#number);
  }
}

/** Make the records of a sorted chain, one at a time: there are as many as names. */
function* nsec3Chain(
  apex: CanonicalName,
  names: HashedNames,
  order: Uint32Array,
  head: Octets,
  ttl: number,
): Generator<DenialRRset> {
  const apexKey = orderKeyOf(apex);
  const first = order.length === 0 ? ('' as Octets) : names.hashOf(order[0] as number);
  let hashed = first;
  for (const [index, number] of order.entries()) {
    const following = order[index + 1];
    const next = following === undefined ? first : names.hashOf(following);
    const owner = nsec3Owner(hashed, apex);
    const rdata = (head + next + names.bitmapOf(number)) as Rdata;
    const rrset = { owner, type: rrTypes.NSEC3, ttl, rdatas: [rdata] };
    yield new Nsec3(names, number, orderKeyOf(owner, apex, apexKey), rrset);
    hashed = next;
  }
}

/** Compose NSEC3 RDATA up to the next hashed owner name. Source: RFC 5155 §3.2. */
function nsec3Head({ optOut, iterations, salt }: Nsec3Parameters): Octets {
  return joinOctets(
    octetsOf(sha1, optOut ? optOutFlag : 0),
    uint16(iterations),
    octetsOf(salt.length),
    salt,
    octetsOf(hashOctets),
  );
}

/** Compose NSEC3 RDATA. @param next 20 octets */
export function composeNsec3(parameters: Nsec3Parameters, next: Octets, types: readonly RRType[]): Rdata {
  return joinOctets(nsec3Head(parameters), next, composeTypeBitmap(new Set(types))) as Rdata;
}

/** Return NSEC3 RDATA with another next hashed owner name. */
export function nsec3WithNext(parameters: Nsec3Parameters, rdata: Rdata, next: Octets): Rdata {
  const head = nsec3Head(parameters);
  return joinOctets(head, next, sliceOctets(rdata, head.length + hashOctets)) as Rdata;
}
