import type { Database } from '#database/database.ts';
import type { ZoneFeed, ZoneFeeds } from '#dnssec/ports-transfer.ts';

interface FeedRow {
  readonly zone: number;
  readonly feed: string;
  readonly due_at: number | null;
}

const sql = {
  find: 'SELECT * FROM zone_feeds WHERE zone = ?',
  put: `INSERT INTO zone_feeds (zone, feed, due_at) VALUES (?, ?, ?)
    ON CONFLICT (zone) DO UPDATE SET feed = excluded.feed, due_at = excluded.due_at`,
  delete: 'DELETE FROM zone_feeds WHERE zone = ?',
  due: 'SELECT * FROM zone_feeds WHERE due_at <= ? ORDER BY due_at LIMIT ?',
};

/** Keep the feeds of zones in a database. */
export function openZoneFeeds(database: Database): ZoneFeeds {
  return {
    async findFeed(zoneId) {
      const [row] = await database.rows<FeedRow>(sql.find, zoneId);
      return row === undefined ? undefined : feedOf(row);
    },
    putFeed: ({ zoneId, dueAt, ...feed }) =>
      database.write([{ sql: sql.put, values: [zoneId, JSON.stringify(feed), dueAt ?? null] }]),
    deleteFeed: (zoneId) => database.write([{ sql: sql.delete, values: [zoneId] }]),
    dueFeeds: async (now, limit) => (await database.rows<FeedRow>(sql.due, now, limit)).map(feedOf),
  };
}

function feedOf({ zone, feed, due_at }: FeedRow): ZoneFeed {
  const known = JSON.parse(feed) as Omit<ZoneFeed, 'zoneId' | 'dueAt'>;
  return { ...known, zoneId: zone, ...(due_at === null ? {} : { dueAt: due_at }) };
}
