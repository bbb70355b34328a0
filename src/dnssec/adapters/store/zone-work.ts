import type { Database } from '#database/database.ts';
import type { ZoneStore, ZoneWork } from '#dnssec/ports-zones.ts';

interface WorkRow {
  readonly begun_at: number;
  readonly at: number;
  readonly done: number;
  readonly total: number;
}

const sql = {
  find: 'SELECT begun_at, at, done, total FROM zone_work WHERE zone = ?',
  /** A zone that was deleted meanwhile has no work. */
  put: `INSERT INTO zone_work (zone, begun_at, at, done, total) SELECT id, ?, ?, ?, ? FROM zones WHERE id = ?
    ON CONFLICT (zone) DO UPDATE SET begun_at = excluded.begun_at, at = excluded.at, done = excluded.done, total = excluded.total`,
  delete: 'DELETE FROM zone_work WHERE zone = ?',
};

/** Keep how far the work on whole zones has come in a database. */
export function workRecords(database: Database): Pick<ZoneStore, 'noteWork' | 'findWork'> {
  return {
    noteWork: (zoneId, work) => {
      if (work === undefined) return database.write([{ sql: sql.delete, values: [zoneId] }]);
      const { begunAt, at, done, total } = work;
      return database.write([{ sql: sql.put, values: [begunAt, at, done, total, zoneId] }]);
    },
    async findWork(zoneId): Promise<ZoneWork | undefined> {
      const [row] = await database.rows<WorkRow>(sql.find, zoneId);
      return row && { begunAt: row.begun_at, at: row.at, done: row.done, total: row.total };
    },
  };
}
