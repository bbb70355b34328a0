import { randomUUID } from 'node:crypto';
import { joinOctets, uint32 } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, orderKeyOf, parseName, prependLabel } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import type { ChangeCause } from '#dnssec/operations/zones/publish-version.ts';
import { answered } from '#dnssec/operations/zones/once.ts';
import { withdrawSignals } from '#dnssec/operations/zones/publish-signals.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone, ZoneFilter, ZoneScope } from '#dnssec/ports-zones.ts';

export interface NewZone {
  readonly zoneName: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const zoneNameShape = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})+$`);

/** Seconds. The expire value is shorter than what a signature has left when it is renewed. */
const soaTimers = { refresh: 3600, retry: 900, expire: 259_200, minimum: 300 };
const apexTtl = 3600;

export function scopeOf({ organisation, project }: Caller): ZoneScope {
  return { organisation, ...(project === undefined ? {} : { project }) };
}

/** Return a zone of the caller. @throws DnssecError not-found */
export async function getOwnZone(ports: ZonePorts, caller: Caller, identityOrName: string): Promise<ManagedZone> {
  const zone = await ports.store.findZone(scopeOf(caller), identityOrName);
  if (zone === undefined) throw new DnssecError('not-found', `there is no zone ${identityOrName.slice(0, 253)}`);
  return zone;
}

/** The place of a zone in lists: the oldest comes first. */
export type ZonePlace = Pick<ManagedZone, 'createdAt' | 'identity'>;

/** List zones of the caller, those after a place. */
export async function listZones(
  ports: ZonePorts,
  caller: Caller,
  filter: ZoneFilter,
  limit: number,
  after?: ZonePlace,
): Promise<readonly ManagedZone[]> {
  const zones = await ports.store.listZones(scopeOf(caller), filter);
  const rest = after === undefined ? zones : zones.filter((zone) => isBehind(zone, after));
  return rest.slice(0, limit);
}

function isBehind({ createdAt, identity }: ZonePlace, after: ZonePlace): boolean {
  return createdAt > after.createdAt || (createdAt === after.createdAt && identity > after.identity);
}

/**
 * Create a zone with an SOA and the name servers that the service is configured with.
 *
 * @throws DnssecError request-invalid, conflict
 */
export async function createZone(
  ports: ZonePorts,
  caller: Caller,
  { zoneName, ...described }: NewZone,
  cause: ChangeCause,
): Promise<Omit<ManagedZone, 'id'>> {
  if (!zoneNameShape.test(zoneName)) {
    throw new DnssecError(
      'request-invalid',
      'zoneName must be a domain name in lower case with at least two labels and without a final dot',
      { details: { in: 'body', pointer: '/zoneName' } },
    );
  }
  const apex = canonicalName(parseName(zoneName));
  const now = ports.clock.now();
  const serial = 1;
  const rrsets = [soaOf(apex, ports.nameServers, serial), nsOf(apex, ports.nameServers)];
  const zone = {
    ...described,
    identity: `dnsz-${randomUUID()}`,
    scope: scopeOf(caller),
    name: zoneName,
    slug: zoneName.replaceAll(/[^a-z0-9]+/g, '-'),
    createdAt: now,
    objectVersion: 1,
    version: 1,
    serial,
    state: 0,
  };
  const { principal, reason, claim } = cause;
  const made = await ports.store.insertZone(zone, {
    ...(claim === undefined ? {} : { claim: answered(ports, claim, zone) }),
    rrsets: rrsets.map((rrset) => ({ key: orderKeyOf(apex), rrset, rrsigs: [] })),
    removedRRsets: [],
    links: [],
    removedLinks: [],
    version: { version: 1, serial, at: now, reason, ...(principal === undefined ? {} : { principal }) },
  });
  ports.onPublished(made);
  return made;
}

function soaOf(apex: CanonicalName, nameServers: readonly string[], serial: number): RRset {
  const { refresh, retry, expire, minimum } = soaTimers;
  const numbers = joinOctets(uint32(serial), uint32(refresh), uint32(retry), uint32(expire), uint32(minimum));
  const rdata = joinOctets(parseName(nameServers[0] ?? '.'), prependLabel('hostmaster', apex), numbers) as Rdata;
  return { owner: apex, type: rrTypes.SOA, ttl: apexTtl, rdatas: [rdata] };
}

/** The name servers of a zone that names none itself. */
export function nsOf(apex: CanonicalName, nameServers: readonly string[]): RRset {
  const rdatas = nameServers.map((name): Rdata => parseName(name) as string as Rdata);
  return { owner: apex, type: rrTypes.NS, ttl: apexTtl, rdatas };
}

/** Replace description, labels and annotations; what is absent is removed. @throws DnssecError conflict */
export async function describeZone(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  wanted: Omit<NewZone, 'zoneName'>,
): Promise<ManagedZone> {
  const found = await getOwnZone(ports, caller, id);
  return ports.locks.run(found.id, async () => {
    const { description: _d, labels: _l, annotations: _a, ...zone } = await ports.store.getZone(found.id);
    const changed = { ...zone, ...wanted, updatedAt: ports.clock.now(), objectVersion: zone.objectVersion + 1 };
    await ports.store.describeZone(changed);
    return changed;
  });
}

/** Delete a zone with its history; its KMS keys stay. */
export async function deleteZone(ports: ZonePorts, caller: Caller, id: string): Promise<void> {
  const zone = await getOwnZone(ports, caller, id);
  await withdrawSignals(ports, zone);
  await ports.locks.run(zone.id, () => ports.store.deleteZone(zone));
  ports.onPublished(zone);
}

/** The apex of a zone as the base of relative names. */
export function originOf(zone: ManagedZone): CanonicalName {
  return apexOf(zone);
}
