import type { Octets } from '#lib/octets.ts';
import { type CanonicalName, canonicalName, formatName, isWithin, type Name, parentOf } from '#dns/name.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { type RRType, rrTypes } from '#dns/rr-type.ts';
import type { Place } from '#dnssec/adapters/parent/ask.ts';
import { QueryError } from '#dnssec/adapters/parent/query-error.ts';
import { type KnownZone, knownZoneOf, type Resolver } from '#dnssec/adapters/parent/resolver.ts';

/** A name server with all of its addresses. */
export interface NameServer {
  readonly name: string;
  readonly places: readonly Place[];
}

/** The zone that delegates, and all of its servers. */
export interface ParentZone {
  readonly apex: CanonicalName;
  readonly servers: readonly NameServer[];
  /** Whether a validating resolver vouches for the names of the servers and for their addresses. */
  readonly isValidated: boolean;
}

const dnsPort = 53;

/**
 * Find the zone that a child is delegated from, and the addresses of all of its servers.
 *
 * @throws QueryError
 */
export async function findParent(
  child: CanonicalName,
  resolver: Resolver,
  known: readonly KnownZone[],
): Promise<ParentZone> {
  const above = parentOf(child);
  if (above === undefined) throw new QueryError('no-answer', 'the root has no parent');
  const given = knownZoneOf(above, known);
  if (given !== undefined) {
    const servers = given.servers.map((place) => ({ name: place.host, places: [place] }));
    return { apex: given.zone, servers, isValidated: false };
  }
  const soa = await resolver.lookUp(above, rrTypes.SOA);
  const apex = soa.answers[0] === undefined ? soa.negativeFrom : canonicalName(soa.answers[0].owner);
  if (apex === undefined || !isWithin(above, apex))
    throw new QueryError('no-answer', `nobody tells what zone ${formatName(above)} lies in`);
  const { servers, isValidated } = await findServers(apex, resolver);
  return { apex, servers, isValidated: soa.isAuthentic && isValidated };
}

/** Find the addresses of all name servers of a zone. @throws QueryError */
export async function findServers(
  apex: CanonicalName,
  resolver: Resolver,
): Promise<Pick<ParentZone, 'servers' | 'isValidated'>> {
  const ns = await resolver.lookUp(apex, rrTypes.NS);
  const names = ns.answers.map(({ rdata }) => canonicalName(rdata as Octets as Name));
  if (names.length === 0) throw new QueryError('no-answer', `${formatName(apex)} has no name servers`);
  const found = await Promise.all(names.map((name) => serverOf(name, resolver)));
  const isValidated = ns.isAuthentic && found.every((server) => server.isValidated);
  return { servers: found.map(({ server }) => server), isValidated };
}

async function serverOf(
  name: CanonicalName,
  resolver: Resolver,
): Promise<{ readonly server: NameServer; readonly isValidated: boolean }> {
  const { hosts, isValidated } = await addressesOf(name, resolver);
  return { server: { name: formatName(name), places: hosts.map((host) => ({ host, port: dnsPort })) }, isValidated };
}

/** Return all addresses of a host. @throws QueryError */
export async function addressesOf(
  name: CanonicalName,
  resolver: Resolver,
): Promise<{ readonly hosts: readonly string[]; readonly isValidated: boolean }> {
  const types: readonly RRType[] = [rrTypes.A, rrTypes.AAAA];
  const lookups = await Promise.all(types.map((type) => resolver.lookUp(name, type)));
  const hosts = lookups.flatMap(({ answers }) => answers.map(({ type, rdata }) => formatRdata(type, rdata)));
  return { hosts, isValidated: lookups.every(({ isAuthentic }) => isAuthentic) };
}
