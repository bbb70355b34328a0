import { formatInstant } from '#lib/clock.ts';
import { formatRRType } from '#dns/rr-type.ts';
import type { DnsRecord, DnsZone } from '#dnssec/api-zones.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ManagedZone, StoredRRset, ZoneVersion } from '#dnssec/ports-zones.ts';

/** Show a zone. What was not set is absent: declarative clients would take a default for a change. */
export function renderZone(zone: Omit<ManagedZone, 'id' | 'signing'>): DnsZone {
  return {
    identity: zone.identity,
    name: zone.name,
    slug: zone.slug,
    ...(zone.description === undefined ? {} : { description: zone.description }),
    ...(zone.labels === undefined ? {} : { labels: { ...zone.labels } }),
    ...(zone.annotations === undefined ? {} : { annotations: { ...zone.annotations } }),
    ...(zone.scope.project === undefined ? {} : { projectId: zone.scope.project }),
    createdAt: formatInstant(zone.createdAt),
    ...(zone.updatedAt === undefined ? {} : { updatedAt: formatInstant(zone.updatedAt) }),
    objectVersion: zone.objectVersion,
    serial: zone.serial,
    version: zone.version,
  };
}

/** Show a record, its name and values as they were given. */
export function renderRecord({ rrset, content }: StoredRRset): DnsRecord {
  if (content === undefined)
    throw new DnssecError('not-found', 'a record that the service makes is not shown as one of its callers');
  return {
    identity: content.identity,
    name: content.name,
    type: formatRRType(rrset.type),
    ttl: rrset.ttl,
    values: [...content.values],
    createdAt: formatInstant(content.createdAt),
    ...(content.updatedAt === undefined ? {} : { updatedAt: formatInstant(content.updatedAt) }),
  };
}

export function renderVersion({ at, ...version }: ZoneVersion) {
  return { ...version, at: formatInstant(at) };
}
