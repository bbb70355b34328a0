import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Octets } from '#lib/octets.ts';
import type { Database } from '#database/database.ts';
import { canonicalName, type Name, orderKeyOf, parseName } from '#dns/name.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { openZoneFeeds } from '#dnssec/adapters/store/feeds.ts';
import { openZoneStore } from '#dnssec/adapters/store/zones.ts';
import type { ManagedZone, StoredLink, StoredRRset, VersionChange, ZoneStore } from '#dnssec/ports-zones.ts';

/** A store that can be opened again, as after a crash. */
export interface ZoneStoreUnderTest extends AsyncDisposable {
  open(): Promise<Database>;
}

const at = 1_800_000_000_000;
const scope = { organisation: 'o' };
const newZone = (name: string, more: Partial<ManagedZone> = {}): Omit<ManagedZone, 'id'> => ({
  identity: `dnsz-${name}`,
  scope,
  name,
  slug: name.replaceAll('.', '-'),
  createdAt: at,
  objectVersion: 1,
  version: 1,
  serial: 1,
  ...more,
});

function rrset(owner: string, type: RRType, text: string, more: Partial<StoredRRset> = {}): StoredRRset {
  const name: Name = parseName(owner);
  return {
    key: orderKeyOf(canonicalName(name)),
    rrset: { owner: name, type, ttl: 300, rdatas: [parseRdataText(type, text)] },
    rrsigs: [],
    ...more,
  };
}

function link(owner: string, more: Partial<StoredLink> = {}): StoredLink {
  const name: Name = parseName(owner);
  const key = orderKeyOf(canonicalName(name));
  const place = key as string as Octets;
  return {
    place,
    nameKey: key,
    owner: name,
    ttl: 300,
    rdata: 'rdata' as Octets as Rdata,
    rrsigs: ['s' as Octets as Rdata],
    refreshAt: 50,
    ...more,
  };
}

const nothing: Omit<VersionChange, 'zone' | 'version'> = {
  rrsets: [],
  removedRRsets: [],
  links: [],
  removedLinks: [],
  clearLinks: false,
};
const version = (number: number) => ({ version: number, serial: number, at, reason: 'test' });

/** What every zone store does, whatever it keeps its data in. */
export function zoneStoreContract(name: string, make: () => Promise<ZoneStoreUnderTest>): void {
  describe(`the zone store on ${name}`, () => {
    let under: ZoneStoreUnderTest;
    let database: Database;
    let store: ZoneStore;
    const open = async () => {
      database = await under.open();
      store = openZoneStore(database);
    };
    beforeEach(async () => {
      under = await make();
      await open();
    });
    afterEach(async () => {
      await database.close();
      await under[Symbol.asyncDispose]();
    });

    const insert = (zone: Omit<ManagedZone, 'id'>, change: Partial<VersionChange> = {}) =>
      store.insertZone(zone, { ...nothing, version: version(1), ...change });
    const publish = (zone: ManagedZone, change: Partial<VersionChange>) =>
      store.publish({
        ...nothing,
        zone: { ...zone, version: zone.version + 1, serial: zone.serial + 1 },
        version: version(zone.version + 1),
        ...change,
      });

    test('gives a zone back as it was put in, after it was closed and opened again', async () => {
      const full = newZone('full.example', {
        scope: { organisation: 'o', project: 'p' },
        description: 'd',
        labels: { a: 'b' },
        annotations: { c: '' },
        refreshAt: 77,
      });
      const { id } = await insert(full);
      await insert(newZone('bare.example'));
      await database.close();
      await open();
      expect(await store.findZone(full.scope, 'full.example')).toEqual({ ...full, id });
      expect(await store.findZone(scope, 'full.example')).toBeUndefined();
      expect(await store.findZone(scope, 'dnsz-bare.example')).toMatchObject({ name: 'bare.example' });
      await expect(insert(newZone('bare.example', { identity: 'dnsz-2' }))).rejects.toMatchObject({ code: 'conflict' });
    });

    test('keeps RRsets with odd octets, and lists them in canonical order', async () => {
      const content = { identity: 'dnsr-1', name: 'WWW', values: ['x', 'y'], createdAt: at };
      const entries = [
        rrset('z.example.', rrTypes.TXT, 'z'),
        rrset('\\000.example.', rrTypes.TXT, '"\\000\\255"', { rrsigs: ['\0ÿ' as Octets as Rdata], refreshAt: 9 }),
        rrset('example.', rrTypes.TXT, 'apex'),
        rrset('WWW.a.example.', rrTypes.TXT, 'x', { content }),
        rrset('a.example.', rrTypes.TXT, 'a'),
      ];
      const { id } = await insert(newZone('example'), { rrsets: entries });
      const read = await store.readRRsets(id, 100);
      expect(read).toEqual([entries[2], entries[1], entries[4], entries[3], entries[0]]);
      const second = await store.readRRsets(id, 2, { key: read[1]!.key, type: read[1]!.rrset.type });
      expect(second).toEqual(read.slice(2, 4));
      expect(await store.listRecords(id, { name: 'WWW' }, 10)).toEqual([entries[3]]);
      expect(await store.findRecord(id, 'dnsr-1')).toEqual(entries[3]);
      const view = store.viewOf(id);
      expect(await view.rrsetsAt(entries[4]!.key)).toEqual([entries[4]]);
      expect(await view.hasBelow(entries[4]!.key)).toBe(true);
      expect(await view.hasBelow(entries[0]!.key)).toBe(false);
      expect((await view.ownersBelow(entries[2]!.key)).map(({ key }) => key)).toEqual(
        read.slice(1).map(({ key }) => key),
      );
    });

    test('publishes a version whole, and only on the one that it was made for', async () => {
      const zone = await insert(newZone('example'), {
        rrsets: [rrset('a.example.', rrTypes.TXT, 'a')],
        links: [link('example.'), link('a.example.')],
      });
      const b = rrset('b.example.', rrTypes.TXT, 'b');
      const removed = { key: rrset('a.example.', rrTypes.TXT, 'a').key, type: rrTypes.TXT };
      await publish(zone, {
        rrsets: [b],
        removedRRsets: [removed],
        links: [link('b.example.')],
        removedLinks: [link('a.example.').place],
      });
      expect(await store.readRRsets(zone.id, 10)).toEqual([b]);
      expect((await store.readLinks(zone.id, 10)).map(({ owner }) => owner)).toEqual([
        parseName('example.'),
        parseName('b.example.'),
      ]);
      await expect(publish(zone, { rrsets: [rrset('c.example.', rrTypes.TXT, 'c')] })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await store.readRRsets(zone.id, 10)).toEqual([b]);
      expect(await store.getZone(zone.id)).toMatchObject({ version: 2, serial: 2, objectVersion: 1 });
    });

    test('finds the links around a place', async () => {
      const links = ['example.', 'a.example.', 'x.a.example.', 'c.example.'].map((owner) => link(owner));
      const { id } = await insert(newZone('example'), { links });
      const view = store.viewOf(id);
      const between = orderKeyOf(canonicalName(parseName('b.example.'))) as string as Octets;
      expect((await view.linkBefore(between))?.owner).toBe(parseName('x.a.example.'));
      expect((await view.linkAfter(between))?.owner).toBe(parseName('c.example.'));
      expect(await view.findLink(between)).toBeUndefined();
      expect((await view.firstLink())?.owner).toBe(parseName('example.'));
      expect((await view.lastLink())?.owner).toBe(parseName('c.example.'));
      expect(await view.namesBelow(links[1]!.nameKey, 5)).toEqual([links[2]!.nameKey]);
      await publish(await store.getZone(id), { clearLinks: true, links: [link('d.example.')] });
      expect((await store.readLinks(id, 10)).map(({ owner }) => owner)).toEqual([parseName('d.example.')]);
    });

    test('tells what is due for a renewal, the most urgent first', async () => {
      const signed = (owner: string, refreshAt: number) =>
        rrset(owner, rrTypes.TXT, 'x', { rrsigs: ['s' as Octets as Rdata], refreshAt });
      const zone = await insert(newZone('example', { refreshAt: 10 }), {
        rrsets: [signed('a.example.', 30), signed('b.example.', 10), signed('c.example.', 20)],
        links: [link('example.', { refreshAt: 15 })],
      });
      await insert(newZone('later.example', { refreshAt: 99 }));
      const due = await store.dueRRsets(zone.id, 20, 10);
      expect(due.map(({ refreshAt }) => refreshAt)).toEqual([10, 20]);
      expect(await store.dueLinks(zone.id, 14, 10)).toEqual([]);
      expect(await store.dueLinks(zone.id, 15, 10)).toHaveLength(1);
      expect((await store.dueZones(50, 10)).map(({ name: one }) => one)).toEqual(['example']);
      expect(await store.firstRefresh(zone.id)).toBe(10);
    });

    test('remembers versions and their differences until they are dropped', async () => {
      const zone = await insert(newZone('example'));
      const record = {
        owner: parseName('a.example.'),
        type: rrTypes.TXT,
        ttl: 5,
        rdata: parseRdataText(rrTypes.TXT, 'a'),
      };
      const content = { identity: 'dnsr-1', name: 'a', values: ['a'], createdAt: at };
      const differences = { removed: [record], added: [{ ...record, ttl: 6, content }] };
      await publish(zone, { version: { ...version(2), principal: 'me', removed: 1, added: 1 }, differences });
      expect(await store.readDifferences(zone.id, 2)).toEqual(differences);
      expect(await store.readDifferences(zone.id, 1)).toBeUndefined();
      expect(await store.listVersions(zone.id, 10)).toEqual([
        { ...version(2), principal: 'me', removed: 1, added: 1 },
        version(1),
      ]);
      expect(await store.listVersions(zone.id, 10, 2)).toEqual([version(1)]);
      await store.dropDifferences(zone.id, 2);
      expect(await store.readDifferences(zone.id, 2)).toBeUndefined();
    });

    test('deletes a zone with all that belongs to it, and nothing else', async () => {
      const zone = await insert(newZone('example'), {
        rrsets: [rrset('a.example.', rrTypes.TXT, 'a')],
        links: [link('example.')],
      });
      const other = await insert(newZone('other.example'), { rrsets: [rrset('other.example.', rrTypes.TXT, 'a')] });
      await store.deleteZone(zone);
      expect(await store.findZone(scope, 'example')).toBeUndefined();
      expect(await store.readRRsets(zone.id, 10)).toEqual([]);
      expect(await store.readRRsets(other.id, 10)).toHaveLength(1);
      await insert(newZone('example'));
    });

    test('keeps the feeds of zones, and tells which are due', async () => {
      const feeds = openZoneFeeds(database);
      const [one, two, three] = [await insert(newZone('a')), await insert(newZone('b')), await insert(newZone('c'))];
      const feed = { zoneId: one.id, primaries: ['192.0.2.1:53'], updateKeys: [], dueAt: 20 };
      await feeds.putFeed(feed);
      await feeds.putFeed({ ...feed, zoneId: two.id, dueAt: 10, serial: 0xffffffff, freshAt: at, lastError: 'e' });
      await feeds.putFeed({ zoneId: three.id, primaries: [], updateKeys: ['key'] });
      expect(await feeds.findFeed(one.id)).toEqual(feed);
      expect((await feeds.dueFeeds(20, 10)).map(({ zoneId }) => zoneId)).toEqual([two.id, one.id]);
      expect((await feeds.dueFeeds(19, 10)).map(({ serial }) => serial)).toEqual([0xffffffff]);
      await feeds.deleteFeed(two.id);
      expect(await feeds.dueFeeds(19, 10)).toEqual([]);
      await store.deleteZone(one);
      expect(await feeds.findFeed(one.id)).toBeUndefined();
    });

    test('describes a zone on its own version, apart from its contents', async () => {
      const zone = await insert(newZone('example'));
      await publish(zone, {});
      await store.describeZone({ ...zone, description: 'd', objectVersion: 2, updatedAt: at + 1 });
      expect(await store.getZone(zone.id)).toMatchObject({ description: 'd', objectVersion: 2, version: 2 });
      await expect(store.describeZone({ ...zone, objectVersion: 2 })).rejects.toMatchObject({ code: 'conflict' });
    });
  });
}
