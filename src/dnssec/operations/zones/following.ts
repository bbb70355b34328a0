import { formatName } from '#dns/name.ts';
import { isSerialGreater } from '#dns/serial.ts';
import { secondsOf } from '#lib/clock.ts';
import { repeat } from '#lib/repeat.ts';
import { isLarge } from '#dnssec/operations/zones/large-zones.ts';
import { followPrimaries } from '#dnssec/operations/zones/follow-primaries.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { PrimaryNews, ZoneFeed } from '#dnssec/ports-transfer.ts';

/** Milliseconds between two looks for zones whose primaries are to be asked. */
const interval = 1000;
/** Zones that are fetched at a time. */
const most = 4;

export interface Following {
  /** @returns whether the zone comes from there. Source: RFC 1996 §3.11. */
  notified(news: PrimaryNews): Promise<boolean>;
  stop(): Promise<void>;
}

/** Keep zones as their primaries have them: at their times, and at once where a primary says that there is news. */
export function startFollowing(ports: ZonePorts, onError: (error: unknown, what: string) => void): Following {
  const stopping = new AbortController();
  const underWay = new Map<number, Promise<void>>();
  const again = new Set<number>();

  const fetchOne = async (feed: ZoneFeed): Promise<void> => {
    const fault = await follow(feed);
    if (fault !== undefined) onError(fault, 'getting a zone from its primaries');
    if (again.delete(feed.zoneId)) await makeDue(feed.zoneId);
  };
  const follow = async (feed: ZoneFeed): Promise<unknown> => {
    // How large a zone is that was never fetched, nobody knows.
    const isApart = feed.serial === undefined || (await isLarge(ports, feed.zoneId));
    if (!isApart || ports.runApart === undefined) return followPrimaries(ports, feed, stopping.signal);
    return ports.runApart('followPrimaries', [feed]);
  };
  const makeDue = async (zoneId: number): Promise<void> => {
    await ports.locks.run(zoneId, async () => {
      const feed = await ports.feeds.findFeed(zoneId);
      if (feed?.dueAt !== undefined) await ports.feeds.putFeed({ ...feed, dueAt: secondsOf(ports.clock) });
    });
  };
  const begin = (feed: ZoneFeed): void => {
    if (underWay.size >= most || underWay.has(feed.zoneId) || stopping.signal.aborted) return;
    const one = fetchOne(feed)
      .catch((error: unknown) => onError(error, 'getting a zone from its primaries'))
      .finally(() => underWay.delete(feed.zoneId));
    underWay.set(feed.zoneId, one);
  };
  const round = async (): Promise<void> => {
    const due = await ports.feeds.dueFeeds(secondsOf(ports.clock), most + underWay.size);
    due.forEach(begin);
  };
  const looking = repeat(interval, round, (error) => onError(error, 'the look for zones to fetch'));

  return {
    async notified({ apex, serial, address }) {
      const zone = await ports.store.findZoneByName(formatName(apex).slice(0, -1));
      const feed = zone && (await ports.feeds.findFeed(zone.id));
      const isOurs = ports.primaries.some(({ name, host }) => host === address && feed?.primaries.includes(name));
      if (feed === undefined || !isOurs) return false;
      if (serial !== undefined && feed.serial !== undefined && !isSerialGreater(serial, feed.serial)) return true;
      if (underWay.has(feed.zoneId)) again.add(feed.zoneId);
      else {
        await makeDue(feed.zoneId);
        begin((await ports.feeds.findFeed(feed.zoneId)) ?? feed);
      }
      return true;
    },
    async stop() {
      stopping.abort();
      await looking.stop();
      await Promise.all(underWay.values());
    },
  };
}
