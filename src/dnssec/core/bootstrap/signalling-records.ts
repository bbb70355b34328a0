import { DnsError } from '#dns/errors.ts';
import {
  canonicalName,
  type CanonicalName,
  isWithin,
  type Name,
  nameFromWire,
  prependLabel,
  rootName,
} from '#dns/name.ts';
import type { RRset } from '#dns/rrset.ts';

/** Return the name below which signals of the zones of a name server stand. Source: RFC 9615 §3.2. @throws DnsError name-invalid */
export function signallingDomain(nameServer: CanonicalName): CanonicalName {
  return canonicalName(prependLabel('_signal', nameServer));
}

/**
 * Return the name at which a name server's operator vouches for a child's CDS and CDNSKEY.
 *
 * Source: RFC 9615 §4.1.
 *
 * @returns undefined where there is none: below the child itself nothing can be vouched for, and a name may have no room
 */
export function findSignallingName(child: CanonicalName, nameServer: CanonicalName): CanonicalName | undefined {
  if (isWithin(nameServer, child) || child === rootName) return undefined;
  try {
    const labels = child.slice(0, -rootName.length);
    const below = nameFromWire(`${labels}${signallingDomain(nameServer)}` as Name);
    return canonicalName(prependLabel('_dsboot', below));
  } catch (error) {
    if (error instanceof DnsError) return undefined;
    throw error;
  }
}

/**
 * Compose what is published for a child at the signalling names of its name servers: the same CDS and CDNSKEY that it has at
 * its apex, once for each name.
 *
 * Source: RFC 9615 §4.1.
 *
 * @param keySet the CDS and CDNSKEY RRsets of the child's apex
 */
export function composeSignals(
  child: CanonicalName,
  nameServers: readonly CanonicalName[],
  keySet: readonly RRset[],
): readonly RRset[] {
  return nameServers.flatMap((nameServer) => {
    const owner = findSignallingName(child, nameServer);
    return owner === undefined ? [] : keySet.map((rrset) => ({ ...rrset, owner }));
  });
}
