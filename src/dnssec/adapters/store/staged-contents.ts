import type { Database, Statement } from '#database/database.ts';
import { linkColumns, linkValues, randomId, rrsetColumns, rrsetValues } from '#dnssec/adapters/store/zone-rows.ts';
import { contentsOfZone, inZone } from '#dnssec/adapters/store/zone-view.ts';
import type { StagedContents, WholeVersion } from '#dnssec/ports-zones.ts';

/** Rows beyond which contents are not replaced in one transaction: it would hold up all other writers. */
const muchRows = 2000;
/** Rows written in one transaction. */
const together = 1000;
/** Seconds after which contents that were never pointed to are swept. */
const mostSeconds = 86_400;

const marks = (columns: readonly string[]) => columns.map(() => '?').join(', ');
const sql = {
  leftover: 'INSERT INTO zone_leftovers (contents, sweep_at) VALUES (?, ?)',
  putRRset: `INSERT INTO zone_rrsets (contents, ${rrsetColumns.join(', ')}) VALUES (?, ${marks(rrsetColumns)})`,
  putLink: `INSERT INTO zone_links (contents, ${linkColumns.join(', ')}) VALUES (?, ${marks(linkColumns)})`,
  findContents: 'SELECT coalesce(contents, id) AS contents FROM zones WHERE id = ?',
  countRows: `SELECT count(*) AS count FROM (SELECT type FROM zone_rrsets WHERE ${inZone} LIMIT ?) AS counted`,
  clearRRsets: `DELETE FROM zone_rrsets WHERE contents = ?`,
  clearLinks: `DELETE FROM zone_links WHERE contents = ?`,
  leave: `INSERT INTO zone_leftovers (contents, sweep_at) VALUES (${contentsOfZone}, 0)`,
  pointTo: 'UPDATE zones SET contents = ? WHERE id = ?',
  keep: 'DELETE FROM zone_leftovers WHERE contents = ?',
  giveUp: 'UPDATE zone_leftovers SET sweep_at = 0 WHERE contents = ?',
  due: 'SELECT contents FROM zone_leftovers WHERE sweep_at <= ? ORDER BY sweep_at LIMIT 1',
  sweepRRsets: `DELETE FROM zone_rrsets WHERE contents = ? AND (owner_key, type) IN
    (SELECT owner_key, type FROM zone_rrsets WHERE contents = ? ORDER BY owner_key, type LIMIT ?)`,
  sweepLinks: `DELETE FROM zone_links WHERE contents = ? AND place IN
    (SELECT place FROM zone_links WHERE contents = ? ORDER BY place LIMIT ?)`,
  firstRRset: 'SELECT type FROM zone_rrsets WHERE contents = ? LIMIT 1',
  firstLink: 'SELECT ttl FROM zone_links WHERE contents = ? LIMIT 1',
};

/** Writes a version together with the statements that put its contents into their place, unless somebody else was first. */
export type WriteVersion = (version: WholeVersion, contents: readonly Statement[]) => Promise<void>;

/**
 * Write the contents of a version in small transactions beside those that are published. Few of them are held back, and
 * written together with the version.
 *
 * @param now milliseconds
 */
export function stageContents(database: Database, now: number, write: WriteVersion): StagedContents {
  const contents = randomId();
  /** Statements but for their first value, the number of the contents. */
  let held: Omit<Statement, 'changes'>[] = [];
  let state: 'held' | 'staged' | 'published' = 'held';
  const intoOf = (number: number): Statement[] =>
    held.map(({ sql: text, values }) => ({ sql: text, values: [number, ...values] }));
  const flush = async (): Promise<void> => {
    if (state === 'held') {
      const sweepAt = Math.floor(now / 1000) + mostSeconds;
      await database.write([{ sql: sql.leftover, values: [contents, sweepAt] }]);
      state = 'staged';
    }
    const statements = intoOf(contents);
    held = [];
    for (let at = 0; at < statements.length; at += together) await database.write(statements.slice(at, at + together));
  };
  return {
    async add(rrsets, links) {
      for (const rrset of rrsets) held.push({ sql: sql.putRRset, values: rrsetValues(rrset) });
      for (const link of links) held.push({ sql: sql.putLink, values: linkValues(link) });
      if (held.length > muchRows || (state === 'staged' && held.length >= together)) await flush();
    },
    async publish(version) {
      const { id } = version.zone;
      const replaced = state === 'held' ? await findFew(database, id) : undefined;
      if (replaced === undefined) {
        await flush();
        await write(version, pointingTo(contents, id));
      } else {
        await write(version, [...clearing(replaced), ...intoOf(replaced)]);
      }
      state = 'published';
    },
    async [Symbol.asyncDispose]() {
      if (state === 'staged') await database.write([{ sql: sql.giveUp, values: [contents] }]);
    },
  };
}

/** Find the contents of a zone, if they are so few that they are deleted at once. */
async function findFew(database: Database, zoneId: number): Promise<number | undefined> {
  const [counted] = await database.rows<{ count: number }>(sql.countRows, zoneId, muchRows + 1);
  if (counted === undefined || counted.count > muchRows) return undefined;
  const [found] = await database.rows<{ contents: number }>(sql.findContents, zoneId);
  return found?.contents;
}

function clearing(contents: number): Statement[] {
  return [
    { sql: sql.clearRRsets, values: [contents] },
    { sql: sql.clearLinks, values: [contents] },
  ];
}

/** Let a zone point to staged contents, and leave those before to be swept. */
function pointingTo(staged: number, zoneId: number): Statement[] {
  return [
    leavingContents(zoneId),
    { sql: sql.keep, values: [staged], changes: 1 },
    { sql: sql.pointTo, values: [staged, zoneId], changes: 1 },
  ];
}

/** Leave the contents of a zone to be swept. */
export function leavingContents(zoneId: number): Statement {
  return { sql: sql.leave, values: [zoneId] };
}

/**
 * Delete some rows that no zone points to any more.
 *
 * @param now seconds
 * @returns whether there are more
 */
export async function sweepLeftovers(database: Database, now: number, limit: number): Promise<boolean> {
  const [leftover] = await database.rows<{ contents: number }>(sql.due, now);
  if (leftover === undefined) return false;
  const { contents } = leftover;
  await database.write([
    { sql: sql.sweepRRsets, values: [contents, contents, limit] },
    { sql: sql.sweepLinks, values: [contents, contents, limit] },
  ]);
  const left = await Promise.all([database.rows(sql.firstRRset, contents), database.rows(sql.firstLink, contents)]);
  if (left.flat().length === 0) await database.write([{ sql: sql.keep, values: [contents] }]);
  return true;
}
