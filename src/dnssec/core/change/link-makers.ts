import type { Octets } from '#lib/octets.ts';
import type { CanonicalName } from '#dns/name.ts';
import { composeNsec, nsecWithNext } from '#dnssec/core/denial/nsec.ts';
import { composeNsec3, hashName, nsec3Owner, type Nsec3Parameters, nsec3WithNext } from '#dnssec/core/denial/nsec3.ts';
import type { LinkMaker } from '#dnssec/core/change/chain-editor.ts';

/** Links of an NSEC chain: their places are the order keys of their owners. Source: RFC 4034 §4. */
export const nsecLinks: LinkMaker = {
  placeOf: (_owner, key) => key as string as Octets,
  linkOwner: (_place, owner) => owner,
  compose: (next, types) => composeNsec(next.owner, types),
  withNext: (rdata, next) => nsecWithNext(rdata, next.owner),
};

/** Links of an NSEC3 chain: their places are hashes. Source: RFC 5155 §3. */
export function nsec3Links(parameters: Nsec3Parameters, apex: CanonicalName): LinkMaker {
  return {
    placeOf: (owner) => hashName(owner, parameters),
    linkOwner: (place) => nsec3Owner(place, apex),
    compose: (next, types) => composeNsec3(parameters, next.place, types),
    withNext: (rdata, next) => nsec3WithNext(parameters, rdata, next.place),
  };
}
