import { bytesFrom, type Octets } from '#lib/octets.ts';
import { type Database, DatabaseError, type SqlValue, type Statement } from '#database/database.ts';
import {
  composeSigning,
  linkColumns,
  randomId,
  linkFromRow,
  type LinkRow,
  linkValues,
  rrsetColumns,
  rrsetFromRow,
  type RRsetRow,
  rrsetValues,
  json,
  zoneColumns,
  zoneFromRow,
  type ZoneRow,
  zoneValues,
} from '#dnssec/adapters/store/zone-rows.ts';
import { claimRecords, claimTaken, isClaimTaken } from '#dnssec/adapters/store/claims.ts';
import { keyRecords, newsOf } from '#dnssec/adapters/store/key-records.ts';
import { smallZones } from '#dnssec/adapters/store/small-zones.ts';
import { leavingContents, stageContents, sweepLeftovers } from '#dnssec/adapters/store/staged-contents.ts';
import { insertVersion, versionRecords } from '#dnssec/adapters/store/version-records.ts';
import { workRecords } from '#dnssec/adapters/store/zone-work.ts';
import { contentsOfZone, inZone, keyBytes, openZoneView } from '#dnssec/adapters/store/zone-view.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type {
  ManagedZone,
  RRsetPlace,
  StoredLink,
  StoredRRset,
  VersionChange,
  ZoneScope,
  ZoneStore,
} from '#dnssec/ports-zones.ts';

const zones = 'SELECT * FROM zones';
const rrsets = `SELECT ${rrsetColumns.join(', ')} FROM zone_rrsets`;
const links = `SELECT ${linkColumns.join(', ')} FROM zone_links`;
const inScope = 'organisation = ? AND project = ?';
const marks = (columns: readonly string[]) => columns.map(() => '?').join(', ');
const excluded = (columns: readonly string[]) => columns.map((column) => `${column} = excluded.${column}`).join(', ');

/** Key columns aside: an index is written as soon as one of its columns is, be it with the same value. */
const changingColumns = rrsetColumns.slice(2).filter((column) => column !== 'identity');

const sql = {
  insertZone: `INSERT INTO zones (${zoneColumns.join(', ')}) VALUES (${marks(zoneColumns)})`,
  describeZone: `UPDATE zones SET description = ?, labels = ?, annotations = ?, updated_at = ?, object_version = ?
    WHERE id = ? AND object_version = ?`,
  publishZone: `UPDATE zones SET version = ?, serial = ?, signing = ?, refresh_at = ?, state = ?
    WHERE id = ? AND version = ? AND state = ?`,
  moveDue: 'UPDATE zones SET due_at = ? WHERE id = ? AND due_at IS DISTINCT FROM ?',
  noteSigning: `UPDATE zones SET signing = ?, refresh_at = ?, due_at = ?, state = ?
    WHERE id = ? AND version = ? AND state = ?`,
  findZone: `${zones} WHERE ${inScope} AND (identity = ? OR name = ?) ORDER BY CASE WHEN identity = ? THEN 0 ELSE 1 END LIMIT 1`,
  findByName: `${zones} WHERE name = ?`,
  getZone: `${zones} WHERE id = ?`,
  listZones: `${zones} WHERE ${inScope} ORDER BY created_at, identity`,
  listAllZones: 'SELECT id, name, version, serial FROM zones WHERE id > ? ORDER BY id LIMIT ?',
  putRRset: `INSERT INTO zone_rrsets (contents, ${rrsetColumns.join(', ')}) VALUES (${contentsOfZone}, ${marks(rrsetColumns)})
    ON CONFLICT (contents, owner_key, type) DO UPDATE SET ${excluded(changingColumns)}`,
  moveIdentity: `UPDATE zone_rrsets SET identity = ? WHERE ${inZone} AND owner_key = ? AND type = ? AND identity IS DISTINCT FROM ?`,
  deleteRRset: `DELETE FROM zone_rrsets WHERE ${inZone} AND owner_key = ? AND type = ?`,
  putLink: `INSERT INTO zone_links (contents, ${linkColumns.join(', ')}) VALUES (${contentsOfZone}, ${marks(linkColumns)})
    ON CONFLICT (contents, place) DO UPDATE SET ${excluded(linkColumns.slice(2))}`,
  moveLink: `UPDATE zone_links SET name_key = ? WHERE ${inZone} AND place = ? AND name_key <> ?`,
  deleteLink: `DELETE FROM zone_links WHERE ${inZone} AND place = ?`,
  findRecord: `${rrsets} WHERE ${inZone} AND identity = ?`,
  dueRRsets: `${rrsets} WHERE ${inZone} AND refresh_at <= ? ORDER BY refresh_at LIMIT ?`,
  dueLinks: `${links} WHERE ${inZone} AND refresh_at <= ? ORDER BY refresh_at LIMIT ?`,
  dueZones: 'SELECT id, due_at AS "dueAt" FROM zones WHERE due_at <= ? ORDER BY due_at LIMIT ?',
  nextDue: 'SELECT min(due_at) AS at FROM zones WHERE due_at IS NOT NULL',
  firstRefresh: `SELECT min(refresh_at) AS at FROM (SELECT min(refresh_at) AS refresh_at FROM zone_rrsets WHERE ${inZone} AND refresh_at IS NOT NULL
    UNION ALL SELECT min(refresh_at) AS refresh_at FROM zone_links WHERE ${inZone}) AS both_kinds`,
  countRRsets: `SELECT count(*) AS count FROM (SELECT type FROM zone_rrsets WHERE ${inZone} LIMIT ?) AS counted`,
  readLinks: `${links} WHERE ${inZone} AND place > ? ORDER BY place LIMIT ?`,
};

/** Read whole zones in a database, or in a moment of it. */
function openReading(database: Pick<Database, 'rows'>): Pick<ZoneStore, 'getZone' | 'readRRsets' | 'readLinks'> {
  return {
    async getZone(id) {
      const [row] = await database.rows<ZoneRow>(sql.getZone, id);
      if (row === undefined) throw new DnssecError('not-found', 'the zone was deleted');
      return zoneFromRow(row);
    },
    readRRsets: (zoneId, limit, after) => readPage(database, zoneId, [], [], limit, after),
    readLinks: async (zoneId, limit, after = '' as Octets) =>
      (await database.rows<LinkRow>(sql.readLinks, zoneId, bytesFrom(after), limit)).map(linkFromRow),
  };
}

/** Keep zones in a database. */
export function openZoneStore(database: Database): ZoneStore {
  const zoneList = async (text: string, ...values: SqlValue[]) =>
    (await database.rows<ZoneRow>(text, ...values)).map(zoneFromRow);

  return {
    ...openReading(database),
    ...claimRecords(database),
    ...smallZones(database),
    ...workRecords(database),
    async insertZone(zone, change) {
      const whole = { ...zone, id: randomId() };
      const insert = { sql: sql.insertZone, values: zoneValues(whole) };
      await written(database, whole, [insert, ...contentsOf({ ...change, zone: whole })]);
      return whole;
    },
    async findZone(scope, id) {
      const [zone] = await zoneList(sql.findZone, ...scopeValues(scope), id, id, id);
      return zone;
    },
    findZoneByName: async (name) => (await zoneList(sql.findByName, name))[0],
    async listZones(scope, { labels = {}, ...filter }) {
      const all = await zoneList(sql.listZones, ...scopeValues(scope));
      return all.filter(
        (zone) =>
          (['name', 'identity', 'slug'] as const).every(
            (field) => filter[field] === undefined || filter[field] === zone[field],
          ) && Object.entries(labels).every(([label, value]) => zone.labels?.[label] === value),
      );
    },
    listAllZones: (limit, afterId) => database.rows(sql.listAllZones, afterId, limit),
    describeZone: (zone) => {
      const { description, labels, annotations, updatedAt, objectVersion, id } = zone;
      const values = [description ?? null, json(labels), json(annotations), updatedAt ?? null, objectVersion, id];
      return written(database, zone, [{ sql: sql.describeZone, values: [...values, objectVersion - 1], changes: 1 }]);
    },
    noteSigning: (zone, news = {}) => {
      const { id, version, signing, refreshAt = null, dueAt = null, state } = zone;
      const values = [composeSigning(signing), refreshAt, dueAt, state, id, version, state - 1];
      return written(database, zone, [{ sql: sql.noteSigning, values, changes: 1 }, ...newsOf(id, news)]);
    },
    deleteZone: ({ id }) => {
      const tables = ['zone_work', 'zone_feeds', 'zone_events', 'zone_kms_keys', 'zone_differences', 'zone_versions'];
      return database.write([
        ...tables.map((table) => ({ sql: `DELETE FROM ${table} WHERE zone = ?`, values: [id] })),
        leavingContents(id),
        { sql: 'DELETE FROM zones WHERE id = ?', values: [id] },
      ]);
    },
    publish: (change) => written(database, change.zone, [...publishingOf(change.zone), ...contentsOf(change)]),
    stage: (now) =>
      stageContents(database, now, ({ zone, version, ...news }, contents) => {
        const rest = [insertVersion(zone.id, { version }), ...newsOf(zone.id, news)];
        return written(database, zone, [...publishingOf(zone), ...contents, ...rest]);
      }),
    isHeldStill: () => database.isHeldStill(),
    async snapshot() {
      const still = await database.snapshot();
      return { ...openReading(still), close: () => still.close() };
    },
    sweep: (now, limit) => sweepLeftovers(database, now, limit),

    viewOf: (zoneId) => openZoneView(database, zoneId),
    async findRecord(zoneId, identity) {
      const [row] = await database.rows<RRsetRow>(sql.findRecord, zoneId, identity);
      return row === undefined ? undefined : rrsetFromRow(row);
    },
    async listRecords(zoneId, { name, type }, limit, after) {
      const conditions = ['identity IS NOT NULL'];
      const values: SqlValue[] = [];
      for (const [column, value] of [
        ['name', name],
        ['type', type],
      ] as const) {
        if (value === undefined) continue;
        conditions.push(`${column} = ?`);
        values.push(value);
      }
      return readPage(database, zoneId, conditions, values, limit, after);
    },
    async hasMoreRRsets(zoneId, than) {
      const [row] = await database.rows<{ count: number }>(sql.countRRsets, zoneId, than + 1);
      return row !== undefined && row.count > than;
    },

    dueRRsets: async (zoneId, before, limit) =>
      (await database.rows<RRsetRow>(sql.dueRRsets, zoneId, before, limit)).map(rrsetFromRow),
    dueLinks: async (zoneId, before, limit) =>
      (await database.rows<LinkRow>(sql.dueLinks, zoneId, before, limit)).map(linkFromRow),
    dueZones: (before, limit) => database.rows(sql.dueZones, before, limit),
    async nextDue() {
      const [row] = await database.rows<{ at: number | null }>(sql.nextDue);
      return row?.at ?? undefined;
    },
    async firstRefresh(zoneId) {
      const [row] = await database.rows<{ at: number | null }>(sql.firstRefresh, zoneId, zoneId);
      return row?.at ?? undefined;
    },

    ...versionRecords(database),
    ...keyRecords(database),
  };
}

function publishingOf({ id, version, serial, signing, refreshAt, dueAt, state }: ManagedZone): Statement[] {
  const due = dueAt ?? null;
  const values = [version, serial, composeSigning(signing), refreshAt ?? null, state, id, version - 1, state - 1];
  return [
    { sql: sql.publishZone, values, changes: 1 },
    { sql: sql.moveDue, values: [due, id, due] },
  ];
}

/** All that a version changes besides the row of its zone. */
function contentsOf(change: VersionChange): Statement[] {
  const { id } = change.zone;
  const statements: Statement[] = [];
  for (const { key, type } of change.removedRRsets)
    statements.push({ sql: sql.deleteRRset, values: [id, keyBytes(key), type] });
  for (const place of change.removedLinks) statements.push({ sql: sql.deleteLink, values: [id, bytesFrom(place)] });
  for (const rrset of change.rrsets) statements.push(...puttingRRset(id, rrset));
  for (const link of change.links) statements.push(...puttingLink(id, link));
  statements.push(insertVersion(id, change));
  statements.push(...newsOf(id, change));
  return statements;
}

function puttingRRset(zone: number, rrset: StoredRRset): Statement[] {
  const identity = rrset.content?.identity ?? null;
  return [
    { sql: sql.putRRset, values: [zone, ...rrsetValues(rrset)] },
    { sql: sql.moveIdentity, values: [identity, zone, keyBytes(rrset.key), rrset.rrset.type, identity] },
  ];
}

/** With NSEC the place of a link tells its name; with NSEC3 another name may come to have the same hash. */
function puttingLink(zone: number, link: StoredLink): Statement[] {
  const nameKey = keyBytes(link.nameKey);
  const put = { sql: sql.putLink, values: [zone, ...linkValues(link)] };
  if ((link.place as string) === (link.nameKey as string)) return [put];
  return [put, { sql: sql.moveLink, values: [nameKey, zone, bytesFrom(link.place), nameKey] }];
}

async function written(database: Database, zone: ManagedZone, statements: readonly Statement[]): Promise<void> {
  try {
    await database.write(statements);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    if (error.code === 'changes-unexpected') {
      throw new DnssecError('conflict', `zone ${zone.name} was changed by another call at the same time: try again`, {
        cause: error,
      });
    }
    if (isClaimTaken(error)) throw claimTaken(error);
    if (error.code !== 'unique-violated' || error.table?.startsWith('zones') !== true) throw error;
    throw new DnssecError('conflict', `there is a zone ${zone.name} already`, { cause: error });
  }
}

async function readPage(
  database: Pick<Database, 'rows'>,
  zoneId: number,
  conditions: readonly string[],
  values: readonly SqlValue[],
  limit: number,
  after: RRsetPlace | undefined,
) {
  const all = [inZone, ...conditions];
  const bound: SqlValue[] = [zoneId, ...values];
  if (after !== undefined) {
    all.push('(owner_key, type) > (?, ?)');
    bound.push(keyBytes(after.key), after.type);
  }
  const text = `${rrsets} WHERE ${all.join(' AND ')} ORDER BY owner_key, type LIMIT ?`;
  return (await database.rows<RRsetRow>(text, ...bound, limit)).map(rrsetFromRow);
}

function scopeValues({ organisation, project = '' }: ZoneScope): [string, string] {
  return [organisation, project];
}
