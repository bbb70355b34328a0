import { octetsFrom } from '#lib/octets.ts';
import type { Database, Statement } from '#database/database.ts';
import type { Name } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';
import { packDifferences, unpackDifferences } from '#dnssec/adapters/store/packed-differences.ts';
import type { DifferenceRecord, RecordContent, VersionChange, ZoneStore, ZoneVersion } from '#dnssec/ports-zones.ts';

const columns = 'version, serial, at, reason, principal, removed, added';
const sql = {
  insert: `INSERT INTO zone_versions (zone, ${columns}, differences) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  list: `SELECT ${columns} FROM zone_versions WHERE zone = ? AND version < ? ORDER BY version DESC LIMIT ?`,
  find: 'SELECT removed, differences FROM zone_versions WHERE zone = ? AND version = ?',
  findRows: 'SELECT * FROM zone_differences WHERE zone = ? AND version = ? ORDER BY position',
  drop: `UPDATE zone_versions SET removed = NULL, added = NULL, differences = NULL
    WHERE zone = ? AND version <= ? AND removed IS NOT NULL`,
  dropRows: 'DELETE FROM zone_differences WHERE zone = ? AND version <= ?',
};

interface VersionRow {
  readonly version: number;
  readonly serial: number;
  readonly at: number;
  readonly reason: string;
  readonly principal: string | null;
  readonly removed: number | null;
  readonly added: number | null;
}

interface DifferenceRow {
  readonly is_added: number;
  readonly owner: Uint8Array;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Uint8Array;
  readonly content: string | null;
}

/** The part of the store that knows the versions of zones and what each changed. */
export function versionRecords(
  database: Database,
): Pick<ZoneStore, 'listVersions' | 'readDifferences' | 'dropDifferences'> {
  return {
    listVersions: async (zoneId, limit, before = Number.MAX_SAFE_INTEGER) =>
      (await database.rows<VersionRow>(sql.list, zoneId, before, limit)).map(versionOf),
    async readDifferences(zoneId, version) {
      const [row] = await database.rows<{ removed: number | null; differences: Uint8Array | null }>(
        sql.find,
        zoneId,
        version,
      );
      if (row === undefined || row.removed === null) return undefined;
      if (row.differences !== null) return unpackDifferences(row.differences);
      const rows = await database.rows<DifferenceRow>(sql.findRows, zoneId, version);
      const of = (isAdded: number) => rows.filter((one) => one.is_added === isAdded).map(differenceOf);
      return { removed: of(0), added: of(1) };
    },
    dropDifferences: (zoneId, upTo) =>
      database.write([
        { sql: sql.dropRows, values: [zoneId, upTo] },
        { sql: sql.drop, values: [zoneId, upTo] },
      ]),
  };
}

/** Write a version and, where there is a list of them, its differences. */
export function insertVersion(
  zone: number,
  { version: made, differences }: Pick<VersionChange, 'version' | 'differences'>,
): Statement {
  const { version, serial, at, reason, principal = null, removed = null, added = null } = made;
  const packed = differences === undefined ? null : packDifferences(differences);
  return { sql: sql.insert, values: [zone, version, serial, at, reason, principal, removed, added, packed] };
}

function versionOf({ version, serial, at, reason, principal, removed, added }: VersionRow): ZoneVersion {
  return {
    version,
    serial,
    at,
    reason,
    ...(principal === null ? {} : { principal }),
    ...(removed === null ? {} : { removed }),
    ...(added === null ? {} : { added }),
  };
}

/** A record that a program wrote which gave each a row. */
function differenceOf({ owner, type, ttl, rdata, content }: DifferenceRow): DifferenceRecord {
  return {
    owner: octetsFrom(owner) as Name,
    type,
    ttl,
    rdata: octetsFrom(rdata) as Rdata,
    ...(content === null ? {} : { content: JSON.parse(content) as RecordContent }),
  };
}
