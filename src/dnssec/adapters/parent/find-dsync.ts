import { readUint16, sliceOctets } from '#lib/octets.ts';
import {
  type CanonicalName,
  canonicalName,
  isWithin,
  type Name,
  nameFromWire,
  parentOf,
  prependLabel,
} from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import type { Lookup, Resolver } from '#dnssec/adapters/parent/resolver.ts';

/** Where a parent wants to be told of news in the CDS and CDNSKEY of its children. */
export interface DsyncTarget {
  readonly host: CanonicalName;
  readonly port: number;
}

const notifyScheme = 1;

/**
 * Find where the parent of a delegation wants NOTIFY(CDS) sent; nothing where it wants none.
 *
 * The label `_dsync` is looked for behind the child's first label, then, when that shows that the parent zone begins
 * further up, right before the parent zone, and at last without the labels of the child.
 *
 * Source: RFC 9859 §4.1.
 *
 * @throws QueryError
 */
export async function findDsync(child: CanonicalName, resolver: Resolver): Promise<DsyncTarget | undefined> {
  const above = parentOf(child);
  if (above === undefined) return undefined;
  let parent = above;
  let lookup = await lookUpDsync(child, parent, resolver);
  const owner = lookup.negativeFrom;
  if (lookup.answers.length === 0 && owner !== undefined && owner !== parent && isWithin(parent, owner)) {
    parent = owner;
    lookup = await lookUpDsync(child, parent, resolver);
  }
  if (lookup.answers.length === 0) lookup = await lookUpDsync(parent, parent, resolver);
  return lookup.answers.map(({ rdata }) => targetOf(rdata)).find((target) => target !== undefined);
}

/** Look at the labels that a name has below the parent, `_dsync`, and the parent. */
function lookUpDsync(name: CanonicalName, parent: CanonicalName, resolver: Resolver): Promise<Lookup> {
  const labels = name.slice(0, name.length - parent.length);
  const base = prependLabel('_dsync', parent);
  return resolver.lookUp(canonicalName(nameFromWire(`${labels}${base}` as Name)), rrTypes.DSYNC);
}

/** Records of another type or scheme, or with port 0, are for others or for nobody. Source: RFC 9859 §2.1. */
function targetOf(rdata: Rdata): DsyncTarget | undefined {
  const port = readUint16(rdata, 3);
  const isForUs = readUint16(rdata, 0) === rrTypes.CDS && rdata.charCodeAt(2) === notifyScheme && port !== 0;
  return isForUs ? { host: canonicalName(nameFromWire(sliceOctets(rdata, 5))), port } : undefined;
}
