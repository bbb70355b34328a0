import type { Database, Statement } from '#database/database.ts';
import { linkColumns, linkValues, randomId, rrsetColumns, rrsetValues } from '#dnssec/adapters/store/zone-rows.ts';
import { contentsOfZone } from '#dnssec/adapters/store/zone-view.ts';
import type { VersionChange } from '#dnssec/ports-zones.ts';

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

/** Tell whether a change replaces so much that it is staged: then it holds all that the zone is to hold. */
export function replacesMuch({ clearLinks, rrsets, links }: VersionChange): boolean {
  return clearLinks && rrsets.length + links.length > muchRows;
}

/**
 * Write the contents of a version in small transactions beside those that are published. Nobody sees them until a zone
 * points to them; what a crash leaves of them is swept.
 *
 * @returns their number
 */
export async function stageContents(database: Database, { rrsets, links, version }: VersionChange): Promise<number> {
  const contents = randomId();
  const sweepAt = Math.floor(version.at / 1000) + mostSeconds;
  await database.write([{ sql: sql.leftover, values: [contents, sweepAt] }]);
  try {
    await inParts(rrsets, (part) =>
      database.write(part.map((rrset) => ({ sql: sql.putRRset, values: [contents, ...rrsetValues(rrset)] }))),
    );
    await inParts(links, (part) =>
      database.write(part.map((link) => ({ sql: sql.putLink, values: [contents, ...linkValues(link)] }))),
    );
    return contents;
  } catch (error) {
    await database.write([givingUp(contents)]);
    throw error;
  }
}

async function inParts<Item>(items: readonly Item[], write: (part: readonly Item[]) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += together) await write(items.slice(at, at + together));
}

/** Leave staged contents to be swept at once. */
export function givingUp(staged: number): Statement {
  return { sql: sql.giveUp, values: [staged] };
}

/** Let a zone point to staged contents, and leave those before to be swept. */
export function pointingTo(staged: number, zoneId: number): Statement[] {
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
