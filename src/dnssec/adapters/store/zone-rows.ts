import { bytesFrom, joinOctets, type Octets, octetsFrom, readUint16, sliceOctets, uint16 } from '#lib/octets.ts';
import type { SqlValue } from '#database/database.ts';
import type { Name, OrderKey } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';
import { defaultPolicy, type ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ManagedZone, RecordContent, StoredLink, StoredRRset, ZoneScope } from '#dnssec/ports-zones.ts';

/** A row of `zones`. */
export interface ZoneRow {
  readonly id: number;
  readonly identity: string;
  readonly organisation: string;
  readonly project: string;
  readonly name: string;
  readonly slug: string;
  readonly description: string | null;
  readonly labels: string | null;
  readonly annotations: string | null;
  readonly created_at: number;
  readonly updated_at: number | null;
  readonly object_version: number;
  readonly version: number;
  readonly serial: number;
  readonly signing: string | null;
  readonly refresh_at: number | null;
  readonly due_at: number | null;
  readonly state: number;
}

export const zoneColumns = [
  'id',
  'identity',
  'organisation',
  'project',
  'name',
  'slug',
  'description',
  'labels',
  'annotations',
  'created_at',
  'updated_at',
  'object_version',
  'version',
  'serial',
  'signing',
  'refresh_at',
  'due_at',
  'state',
] as const satisfies readonly (keyof ZoneRow)[];

/** Write what may be absent. */
export function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** The values of a zone in the order of `zoneColumns`. */
export function zoneValues(zone: ManagedZone): SqlValue[] {
  return [
    zone.id,
    zone.identity,
    zone.scope.organisation,
    zone.scope.project ?? '',
    zone.name,
    zone.slug,
    zone.description ?? null,
    json(zone.labels),
    json(zone.annotations),
    zone.createdAt,
    zone.updatedAt ?? null,
    zone.objectVersion,
    zone.version,
    zone.serial,
    composeSigning(zone.signing),
    zone.refreshAt ?? null,
    zone.dueAt ?? null,
    zone.state,
  ];
}

export function zoneFromRow(row: ZoneRow): ManagedZone {
  return {
    id: row.id,
    identity: row.identity,
    scope: scopeFromRow(row),
    name: row.name,
    slug: row.slug,
    ...(row.description === null ? {} : { description: row.description }),
    ...(row.labels === null ? {} : { labels: textsOf(row.labels) }),
    ...(row.annotations === null ? {} : { annotations: textsOf(row.annotations) }),
    createdAt: row.created_at,
    ...(row.updated_at === null ? {} : { updatedAt: row.updated_at }),
    objectVersion: row.object_version,
    version: row.version,
    serial: row.serial,
    ...(row.signing === null ? {} : { signing: parseSigning(row.signing) }),
    ...(row.refresh_at === null ? {} : { refreshAt: row.refresh_at }),
    ...(row.due_at === null ? {} : { dueAt: row.due_at }),
    state: row.state,
  };
}

export function scopeFromRow({ organisation, project }: Pick<ZoneRow, 'organisation' | 'project'>): ZoneScope {
  return { organisation, ...(project === '' ? {} : { project }) };
}

/** How zones stand, by what is written of it: it is read more often than it changes, and larger than the rest of the row. */
const signings = new Map<string, ZoneSigning>();
const mostSignings = 200;

/** A field of the policy that is younger than what is written has its default. */
function parseSigning(text: string): ZoneSigning {
  const known = signings.get(text);
  if (known !== undefined) return known;
  const signing = JSON.parse(text) as ZoneSigning;
  return remembered(text, { ...signing, policy: { ...defaultPolicy, ...signing.policy } });
}

/** Write how a zone stands. */
export function composeSigning(signing: ZoneSigning | undefined): string | null {
  if (signing === undefined) return null;
  const text = JSON.stringify(signing);
  remembered(text, signing);
  return text;
}

function remembered(text: string, signing: ZoneSigning): ZoneSigning {
  if (signings.size >= mostSignings) signings.clear();
  signings.set(text, signing);
  return signing;
}

function textsOf(text: string): Record<string, string> {
  return JSON.parse(text) as Record<string, string>;
}

/** A row of `zone_rrsets`. */
export interface RRsetRow {
  readonly owner_key: Uint8Array;
  readonly type: number;
  readonly owner: Uint8Array;
  readonly ttl: number;
  readonly rdatas: Uint8Array;
  readonly rrsigs: Uint8Array | null;
  readonly refresh_at: number | null;
  readonly identity: string | null;
  readonly name: string | null;
  readonly content: string | null;
  readonly created_at: number | null;
  readonly updated_at: number | null;
}

export const rrsetColumns = [
  'owner_key',
  'type',
  'owner',
  'ttl',
  'rdatas',
  'rrsigs',
  'refresh_at',
  'identity',
  'name',
  'content',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof RRsetRow)[];

/** The values of an RRset in the order of `rrsetColumns`. */
export function rrsetValues({ key, rrset, rrsigs, content, refreshAt }: StoredRRset): SqlValue[] {
  return [
    bytesFrom(key as string as Octets),
    rrset.type,
    bytesFrom(rrset.owner),
    rrset.ttl,
    composeList(rrset.rdatas),
    rrsigs.length === 0 ? null : composeList(rrsigs),
    refreshAt ?? null,
    content?.identity ?? null,
    content?.name ?? null,
    content === undefined ? null : JSON.stringify(content.values),
    content?.createdAt ?? null,
    content?.updatedAt ?? null,
  ];
}

export function rrsetFromRow(row: RRsetRow): StoredRRset {
  const { type, ttl } = row;
  const owner = octetsFrom(row.owner) as Name;
  const content = contentOf(row);
  return {
    key: octetsFrom(row.owner_key) as string as OrderKey,
    rrset: { owner, type, ttl, rdatas: parseList(row.rdatas) },
    rrsigs: row.rrsigs === null ? [] : parseList(row.rrsigs),
    ...(content === undefined ? {} : { content }),
    ...(row.refresh_at === null ? {} : { refreshAt: row.refresh_at }),
  };
}

function contentOf({ identity, name, content, created_at, updated_at }: RRsetRow): RecordContent | undefined {
  if (identity === null || name === null || content === null || created_at === null) return undefined;
  return {
    identity,
    name,
    values: JSON.parse(content) as string[],
    createdAt: created_at,
    ...(updated_at === null ? {} : { updatedAt: updated_at }),
  };
}

/** A row of `zone_links`. */
export interface LinkRow {
  readonly place: Uint8Array;
  readonly name_key: Uint8Array;
  readonly owner: Uint8Array;
  readonly ttl: number;
  readonly rdata: Uint8Array;
  readonly rrsigs: Uint8Array;
  readonly refresh_at: number;
}

export const linkColumns = [
  'place',
  'name_key',
  'owner',
  'ttl',
  'rdata',
  'rrsigs',
  'refresh_at',
] as const satisfies readonly (keyof LinkRow)[];

export function linkValues({ place, nameKey, owner, ttl, rdata, rrsigs, refreshAt }: StoredLink): SqlValue[] {
  return [
    bytesFrom(place),
    bytesFrom(nameKey as string as Octets),
    bytesFrom(owner),
    ttl,
    bytesFrom(rdata),
    composeList(rrsigs),
    refreshAt,
  ];
}

export function linkFromRow(row: LinkRow): StoredLink {
  return {
    place: octetsFrom(row.place),
    nameKey: octetsFrom(row.name_key) as string as OrderKey,
    owner: octetsFrom(row.owner) as Name,
    ttl: row.ttl,
    rdata: octetsFrom(row.rdata) as Rdata,
    rrsigs: parseList(row.rrsigs),
    refreshAt: row.refresh_at,
  };
}

/** Write RDATA one after the other, each with its length as 16 bits before it. */
function composeList(rdatas: readonly Rdata[]): Uint8Array {
  return bytesFrom(joinOctets(...rdatas.flatMap((rdata) => [uint16(rdata.length), rdata])));
}

/** Read what `composeList` wrote. */
export function parseList(bytes: Uint8Array): Rdata[] {
  const octets = octetsFrom(bytes);
  const rdatas: Rdata[] = [];
  for (let at = 0; at < octets.length;) {
    const length = readUint16(octets, at);
    rdatas.push(sliceOctets(octets, at + 2, at + 2 + length) as Rdata);
    at += 2 + length;
  }
  return rdatas;
}

/** Zones and contents are numbered at random, so that no process has to ask another for the next number. */
export function randomId(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return 1 + (high & 0x7fff) * 2 ** 32 + low;
}
