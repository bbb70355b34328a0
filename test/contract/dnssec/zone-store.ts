import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bytesFrom, type Octets } from '#lib/octets.ts';
import type { Database } from '#database/database.ts';
import { canonicalName, type Name, type OrderKey, orderKeyOf, parseName } from '#dns/name.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { openZoneFeeds } from '#dnssec/adapters/store/feeds.ts';
import { openPolicyStore } from '#dnssec/adapters/store/policies.ts';
import { openZoneWebhookStore } from '#dnssec/adapters/store/webhooks.ts';
import { openZoneStore } from '#dnssec/adapters/store/zones.ts';
import { keyTagOf } from '#dnssec/core/keys/dnskey.ts';
import { defaultPolicy } from '#dnssec/core/managed/signing-state.ts';
import { advanceZone } from '#dnssec/core/managed/zone-rollover.ts';
import type { ZoneWebhook } from '#dnssec/ports-webhooks.ts';
import { SmallContents } from '#dnssec/operations/zones/small-contents.ts';
import type {
  DifferenceRecord,
  ManagedZone,
  StoredLink,
  StoredRRset,
  StoredZoneView,
  VersionChange,
  ZoneStore,
} from '#dnssec/ports-zones.ts';

/** A store that can be opened again, as after a crash. */
export interface ZoneStoreUnderTest extends AsyncDisposable {
  open(): Promise<Database>;
}

const at = 1_800_000_000_000;
const scope = { organisation: 'o' };
const newZone = (name: string, more: Partial<Omit<ManagedZone, 'id'>> = {}): Omit<ManagedZone, 'id'> => ({
  identity: `dnsz-${name}`,
  scope,
  name,
  slug: name.replaceAll('.', '-'),
  createdAt: at,
  objectVersion: 1,
  version: 1,
  serial: 1,
  state: 0,
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

function dnskeyRRset(rdata: Rdata): Pick<StoredRRset, 'rrset'> {
  return { rrset: { owner: parseName('example.'), type: rrTypes.DNSKEY, ttl: 77, rdatas: [rdata] } };
}

function difference(owner: string, identity?: string): DifferenceRecord {
  return {
    owner: parseName(`${owner}.example.`),
    type: rrTypes.TXT,
    ttl: 5,
    rdata: parseRdataText(rrTypes.TXT, owner),
    ...(identity === undefined ? {} : { content: { identity, name: owner, values: [owner], createdAt: at } }),
  };
}

const nothing: Omit<VersionChange, 'zone' | 'version'> = {
  rrsets: [],
  removedRRsets: [],
  links: [],
  removedLinks: [],
};
/** All that a view tells of some places. */
async function answersOf(view: StoredZoneView, keys: readonly OrderKey[]): Promise<unknown[]> {
  const answers: unknown[] = [await view.firstLink(), await view.lastLink()];
  for (const key of keys) {
    const place = key as string as Octets;
    answers.push(await view.rrsetsAt(key), await view.hasBelow(key), await view.ownersBelow(key));
    answers.push(await view.findLink(place), await view.linkBefore(place), await view.linkAfter(place));
    answers.push(await view.namesBelow(key, 2));
  }
  return answers;
}

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
        zone: { ...zone, version: zone.version + 1, serial: zone.serial + 1, state: zone.state + 1 },
        version: version(zone.version + 1),
        ...change,
      });

    /** Put contents in the place of all others. */
    const publishWhole = async (
      zone: ManagedZone,
      rrsets: readonly StoredRRset[],
      links: readonly StoredLink[],
      together = 700,
    ) => {
      await using staged = store.stage(at);
      for (let start = 0; start < rrsets.length; start += together)
        await staged.add(rrsets.slice(start, start + together), []);
      await staged.add([], links);
      const next = { ...zone, version: zone.version + 1, serial: zone.serial + 1, state: zone.state + 1 };
      await staged.publish({ zone: next, version: version(next.version) });
    };

    test('how far work on a zone has come is kept until it ends or the zone goes', async () => {
      const zone = await insert(newZone('working.example'));
      const work = { begunAt: at, at: at + 1000, done: 10, total: 1_000_000 };
      await store.noteWork(zone.id, work);
      await store.noteWork(zone.id, { ...work, done: 20 });
      expect(await store.findWork(zone.id)).toEqual({ ...work, done: 20 });
      await store.noteWork(zone.id, undefined);
      expect(await store.findWork(zone.id)).toBeUndefined();
      await store.noteWork(zone.id, work);
      await store.deleteZone(zone);
      await store.noteWork(zone.id, work);
      expect(await store.findWork(zone.id)).toBeUndefined();
    });

    test('a claim is written with what it asked for or not at all, and answers the same request alone', async () => {
      const claim = { principal: 'p', key: 'once', requestHash: new Uint8Array(32).fill(1) };
      const answered = { ...claim, answer: '{"result":1}', at };
      const zone = await store.insertZone(newZone('claimed.example'), {
        ...nothing,
        version: version(1),
        claim: answered,
      });
      expect(await store.findClaim(claim)).toBe(answered.answer);
      expect(await store.findClaim({ ...claim, principal: 'q' })).toBeUndefined();
      await expect(store.findClaim({ ...claim, requestHash: new Uint8Array(32) })).rejects.toMatchObject({
        code: 'conflict',
      });
      const next = { ...zone, version: 2, serial: 2, state: 1 };
      const added = [rrset('www.claimed.example.', rrTypes.A, '192.0.2.1')];
      const change = { ...nothing, zone: next, rrsets: added, version: version(2), claim: answered };
      await expect(store.publish(change)).rejects.toMatchObject({ code: 'conflict' });
      await expect(store.noteSigning({ ...zone, state: 1 }, { claim: answered })).rejects.toMatchObject({
        code: 'conflict',
      });
      await expect(store.insertClaim(answered)).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.getZone(zone.id)).toMatchObject({ version: 1, state: 0 });
      expect(await store.readRRsets(zone.id, 10)).toEqual([]);
      const other = { ...answered, key: 'twice', at: at + 1 };
      await store.publish({ ...change, claim: other });
      await store.dropClaims(at + 1);
      expect([await store.findClaim(claim), await store.findClaim(other)]).toEqual([undefined, other.answer]);
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
      expect(await store.hasMoreRRsets(id, 4)).toBe(true);
      expect(await store.hasMoreRRsets(id, 5)).toBe(false);
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
      await publishWhole(await store.getZone(id), [], [link('d.example.')]);
      expect((await store.readLinks(id, 10)).map(({ owner }) => owner)).toEqual([parseName('d.example.')]);
    });

    test('tells what is due for a renewal, the most urgent first', async () => {
      const signed = (owner: string, refreshAt: number) =>
        rrset(owner, rrTypes.TXT, 'x', { rrsigs: ['s' as Octets as Rdata], refreshAt });
      const zone = await insert(newZone('example', { refreshAt: 10, dueAt: 12 }), {
        rrsets: [signed('a.example.', 30), signed('b.example.', 10), signed('c.example.', 20)],
        links: [link('example.', { refreshAt: 15 })],
      });
      await insert(newZone('later.example', { refreshAt: 10, dueAt: 99 }));
      const due = await store.dueRRsets(zone.id, 20, 10);
      expect(due.map(({ refreshAt }) => refreshAt)).toEqual([10, 20]);
      expect(await store.dueLinks(zone.id, 14, 10)).toEqual([]);
      expect(await store.dueLinks(zone.id, 15, 10)).toHaveLength(1);
      expect(await store.dueZones(50, 10)).toEqual([{ id: zone.id, dueAt: 12 }]);
      expect(await store.nextDue()).toBe(12);
      expect(await store.firstRefresh(zone.id)).toBe(10);
    });

    test('reads all of a small zone at once, and of a large one all but its contents', async () => {
      const few = { rrsets: [rrset('b.example.', rrTypes.TXT, 'x'), rrset('a.example.', rrTypes.TXT, 'x')] };
      const links = [link('b.example.'), link('a.example.')];
      const zone = await insert(newZone('example', { dueAt: 3 }), { ...few, links, kmsKeys: [key('k')] });
      const contents = { rrsets: few.rrsets.toReversed(), links: links.toReversed() };
      expect(await store.readSmallZone(zone.id, 2)).toEqual({ zone, kmsKeys: [key('k')], contents });
      expect(await store.readSmallZone(zone.id, 1)).toEqual({ zone, kmsKeys: [key('k')] });
      await store.deleteZone(zone);
      await expect(store.readSmallZone(zone.id, 2)).rejects.toMatchObject({ code: 'not-found' });
    });

    test('reads those of several zones that are there, however many are asked for', async () => {
      const zones = await Promise.all(['one', 'two', 'three'].map((each) => insert(newZone(each))));
      const asked = [...zones.map(({ id }) => id), ...Array.from({ length: 250 }, (_, index) => index + 1)];
      const found = await store.readZones(asked);
      expect(found.map(({ name: each }) => each).toSorted()).toEqual(['one', 'three', 'two']);
      expect(await store.readZones([])).toEqual([]);
    });

    test('a small zone in memory answers as it does, after any changes', async () => {
      const owners = ['example.', 'a.example.', 'x.a.example.', '*.example.', 'b.example.', 'y.x.a.example.'];
      const keys = owners.map((owner) => rrset(owner, rrTypes.TXT, 'x').key);
      let seed = 7;
      const random = (below: number): number => (seed = (seed * 16_807) % 2_147_483_647) % below;
      const some = <Item>(items: readonly Item[]): Item[] => items.filter(() => random(3) === 0);
      const signed = (owner: string, type: RRType, text: string) =>
        rrset(owner, type, text, { rrsigs: ['s' as Octets as Rdata], refreshAt: random(50) });
      const wanted = () => ({
        rrsets: some(owners).flatMap((owner) => [
          signed(owner, rrTypes.TXT, `t${random(9)}`),
          rrset(owner, rrTypes.A, `192.0.2.${random(9)}`),
        ]),
        links: some(owners).map((owner) => link(owner, { refreshAt: random(50) })),
      });
      let zone = await insert(newZone('example'), wanted());
      const memory = new SmallContents((await store.readSmallZone(zone.id, 100)).contents!);
      for (let round = 0; round < 12; round++) {
        const put = wanted();
        const isPut = (owner: string) => put.rrsets.some((one) => one.rrset.owner === parseName(owner));
        const removedRRsets = some(owners)
          .filter((owner) => !isPut(owner))
          .map((owner) => ({ key: rrset(owner, rrTypes.TXT, 'x').key, type: rrTypes.TXT }));
        const removedLinks = some(keys).filter((gone) => !put.links.some(({ place }) => place === (gone as string)));
        const change = { ...put, removedRRsets, removedLinks: removedLinks as string[] as Octets[] };
        await publish(zone, change);
        memory.apply(change);
        zone = await store.getZone(zone.id);
        expect(await answersOf(memory.view(), keys)).toEqual(await answersOf(store.viewOf(zone.id), keys));
        const after = { key: keys[random(keys.length)]!, type: random(2) === 0 ? rrTypes.A : rrTypes.TXT };
        expect(memory.readRRsets(4, after)).toEqual(await store.readRRsets(zone.id, 4, after));
        expect(memory.readRRsets(3)).toEqual(await store.readRRsets(zone.id, 3));
        const place = keys[random(keys.length)]! as string as Octets;
        expect(memory.readLinks(2, place)).toEqual(await store.readLinks(zone.id, 2, place));
        expect(memory.firstRefresh()).toEqual(await store.firstRefresh(zone.id));
        const times = (due: readonly { readonly refreshAt?: number }[]) => due.map(({ refreshAt }) => refreshAt);
        expect(times(memory.dueRRsets(30, 3))).toEqual(times(await store.dueRRsets(zone.id, 30, 3)));
        expect(times(memory.dueLinks(30, 3))).toEqual(times(await store.dueLinks(zone.id, 30, 3)));
      }
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

    test('keeps the differences of a version in their order, however many there are', async () => {
      const zone = await insert(newZone('example'));
      const records = Array.from({ length: 101 }, (_, index) => ({
        owner: parseName(`${200 - index}.example.`),
        type: rrTypes.TXT,
        ttl: index,
        rdata: parseRdataText(rrTypes.TXT, String(index)),
      }));
      const differences = { removed: records.slice(0, 33), added: records.slice(33) };
      await publish(zone, { version: { ...version(2), removed: 33, added: 68 }, differences });
      expect(await store.readDifferences(zone.id, 2)).toEqual(differences);
    });

    test('reads the differences that an older program gave a row each', async () => {
      const zone = await insert(newZone('example'));
      const differences = { removed: [difference('b')], added: [difference('a'), difference('c', 'dnsr-c')] };
      await publish(zone, { version: { ...version(2), removed: 1, added: 2 } });
      const rows = [...differences.removed, ...differences.added];
      const columns = 'zone, version, position, is_added, owner, type, ttl, rdata, content';
      await database.write(
        rows.map(({ owner, type, ttl, rdata, content }, position) => ({
          sql: `INSERT INTO zone_differences (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          values: [
            zone.id,
            2,
            position,
            position === 0 ? 0 : 1,
            bytesFrom(owner),
            type,
            ttl,
            bytesFrom(rdata),
            content === undefined ? null : JSON.stringify(content),
          ],
        })),
      );
      expect(await store.readDifferences(zone.id, 2)).toEqual(differences);
      await store.dropDifferences(zone.id, 2);
      expect(await store.readDifferences(zone.id, 2)).toBeUndefined();
      expect(await database.rows('SELECT position FROM zone_differences')).toEqual([]);
    });

    test('gives an RRset that is put again the identity that it is put with', async () => {
      const content = (identity: string) => ({ identity, name: 'a', values: ['x'], createdAt: at });
      const zone = await insert(newZone('example'), {
        rrsets: [rrset('a.example.', rrTypes.TXT, 'x', { content: content('dnsr-1') })],
      });
      await publish(zone, { rrsets: [rrset('a.example.', rrTypes.TXT, 'y', { content: content('dnsr-2') })] });
      expect(await store.findRecord(zone.id, 'dnsr-1')).toBeUndefined();
      expect((await store.findRecord(zone.id, 'dnsr-2'))?.rrset.rdatas).toEqual([parseRdataText(rrTypes.TXT, 'y')]);
      await publish(await store.getZone(zone.id), { rrsets: [rrset('a.example.', rrTypes.TXT, 'z')] });
      expect(await store.findRecord(zone.id, 'dnsr-2')).toBeUndefined();
      expect(await store.listRecords(zone.id, {}, 10)).toEqual([]);
    });

    test('finds the names of links that lie at hashes, also when another name comes to the same place', async () => {
      const hashed = (owner: string, place: string) => link(owner, { place: place as Octets });
      const zone = await insert(newZone('example'), { links: [hashed('a.example.', '1'), hashed('example.', '2')] });
      const below = () => store.viewOf(zone.id).namesBelow(orderKeyOf(canonicalName(parseName('example.'))), 5);
      expect(await below()).toEqual([link('a.example.').nameKey]);
      await publish(zone, { links: [hashed('b.example.', '1')] });
      expect(await below()).toEqual([link('b.example.').nameKey]);
    });

    const key = (keyId: string) => ({ region: 'r', keyId });

    test('knows the KMS keys of zones, and marks every zone due of whose key there is news', async () => {
      const [one, two, three] = await Promise.all(['one', 'two', 'three'].map((each) => insert(newZone(each))));
      await publish(one!, { kmsKeys: [key('a'), key('b'), key('b')] });
      await store.noteSigning({ ...two!, state: two!.state + 1 }, { kmsKeys: [key('a')] });
      expect(await store.kmsKeysOf(one!.id)).toEqual([key('a'), key('b')]);
      expect(await store.kmsKeysOf(three!.id)).toEqual([]);
      const inUse = await store.kmsKeysInUse();
      expect(inUse.map(({ region, keyId }) => ({ region, keyId }))).toEqual([key('a'), key('b')]);
      expect(inUse[0]!.scope).toEqual(one!.scope);
      expect(await store.hasUnknownKmsKey()).toBe(true);

      await store.noteKmsKey({ ...key('a'), latestVersion: 1, status: 'active' }, 5);
      const due = async () => {
        const zones = await store.readZones((await store.dueZones(1000, 10)).map(({ id }) => id));
        return zones.map(({ name: each, dueAt }) => `${each} ${dueAt}`).toSorted();
      };
      expect(await due()).toEqual(['one 5', 'two 5']);
      const { dueAt: _, ...seen } = await store.getZone(two!.id);
      await store.noteSigning({ ...seen, state: seen.state + 1 });
      await store.noteKmsKey({ ...key('a'), latestVersion: 1, status: 'active' }, 6);
      expect(await due()).toEqual(['one 5']);
      await store.noteKmsKey({ ...key('a'), latestVersion: 2, status: 'active' }, 7);
      expect((await store.getZone(two!.id)).dueAt).toBe(7);
      expect(await store.hasUnknownKmsKey()).toBe(true);
      await store.noteKmsKey({ ...key('b'), latestVersion: 1, status: 'disabled' }, 8);
      expect(await store.hasUnknownKmsKey()).toBe(false);
      expect(await store.kmsKeysOf(one!.id)).toEqual([
        { ...key('a'), latestVersion: 2, status: 'active' },
        { ...key('b'), latestVersion: 1, status: 'disabled' },
      ]);
      const current = await store.getZone(one!.id);
      await store.noteSigning({ ...current, state: current.state + 1 }, { kmsKeys: [key('b'), key('c')] });
      expect(await store.kmsKeysOf(one!.id)).toEqual([{ ...key('b'), latestVersion: 1, status: 'disabled' }, key('c')]);
    });

    test('lets nobody write over news of a key that he has not seen', async () => {
      const zone = await insert(newZone('example'), { kmsKeys: [key('a')] });
      await store.noteKmsKey({ ...key('a'), latestVersion: 2, status: 'active' }, 5);
      await expect(store.noteSigning({ ...zone, state: zone.state + 1 })).rejects.toMatchObject({ code: 'conflict' });
      await expect(publish(zone, {})).rejects.toMatchObject({ code: 'conflict' });
      expect((await store.getZone(zone.id)).dueAt).toBe(5);
    });

    test('remembers events in their order, those of a change that failed not among them', async () => {
      const event = (text: string) => ({ kind: 'transition' as const, at, text });
      const zone = await insert(newZone('example'));
      const other = await insert(newZone('other', { scope: { organisation: 'o', project: 'p' } }));
      await publish(zone, { events: [event('first'), { ...event('second'), details: { keyTag: 1 } }] });
      await publish(other, { events: [event('of another')] });
      await expect(publish(zone, { events: [event('never')] })).rejects.toMatchObject({ code: 'conflict' });
      const { state, ...current } = await store.getZone(zone.id);
      await store.noteSigning({ ...current, state: state + 1 }, { events: [event('third')] });
      const newest = await store.listEvents(zone.id, 2);
      expect(newest.map(({ text }) => text)).toEqual(['third', 'second']);
      expect(newest[1]).toEqual({
        ...event('second'),
        details: { keyTag: 1 },
        zone: zone.id,
        number: newest[1]!.number,
      });
      expect((await store.listEvents(zone.id, 2, newest[1]!.number)).map(({ text }) => text)).toEqual(['first']);
      expect((await store.eventsAfter(zone.id, newest[1]!.number, 10)).map(({ text }) => text)).toEqual(['third']);
      expect((await store.eventsAfter(scope, 0, 2)).map(({ text }) => text)).toEqual(['first', 'second']);
      const inProject = await store.eventsAfter({ organisation: 'o', project: 'p' }, 0, 10);
      expect(inProject.map(({ text }) => text)).toEqual(['of another']);
      await store.deleteZone(zone);
      expect(await store.eventsAfter(scope, 0, 10)).toEqual([]);
    });

    test('reads signing that was written before keys could roll, and has the zone tended at once', async () => {
      const dnskey = parseRdataText(rrTypes.DNSKEY, `257 3 13 ${Buffer.alloc(64, 7).toString('base64')}`);
      const keyTag = keyTagOf(dnskey);
      const old = {
        region: 'nl-01',
        kmsKeyIdentity: 'kms-1',
        keys: [{ keyId: 'kms-1', version: 3, role: 'csk', algorithm: 13, keyTag }],
        policy: { denial: 'nsec3', optOut: false, validity: 1_000_000, dnskeyTtl: 77, maxTtl: 5000 },
        enabledAt: at,
        publishDsAfter: at + 1,
        lastSignedAt: at + 2,
      };
      const zone = await insert(newZone('example', { refreshAt: 99 }), {
        rrsets: [{ ...rrset('example.', rrTypes.TXT, 'x'), ...dnskeyRRset(dnskey) }],
      });
      await database.rows('UPDATE zones SET signing = ? WHERE id = ?', JSON.stringify(old), zone.id);
      await database.close();
      await open();
      const { signing, ...rest } = await store.getZone(zone.id);
      expect(rest).toMatchObject({ refreshAt: 99, dueAt: 0 });
      const since = Math.floor(at / 1000);
      const [only] = signing!.keys;
      expect(only).toMatchObject({ id: 'kms-1.3', region: 'nl-01', keyTag, dnskey, goal: 'omnipresent' });
      expect(only!.records.zrrsig).toEqual({ state: 'rumoured', since });
      expect(only!.records.ds).toEqual({ state: 'hidden', since });
      expect(signing!.policy).toEqual({ ...defaultPolicy, ...old.policy });
      expect(signing).toMatchObject({ region: 'nl-01', kmsKeyIdentity: 'kms-1', enabledAt: at, lastSignedAt: at + 2 });
      expect(signing!.ttls.zone).toEqual([{ ttl: 5000 }]);
      expect(await store.kmsKeysOf(zone.id)).toEqual([{ region: 'nl-01', keyId: 'kms-1' }]);
      // A day later it may ask for its DS, and nothing else stands in its way.
      expect(advanceZone(signing!, since + 86_400).signing.keys[0]!.records.ds?.state).toBe('rumoured');
      const again = await store.getZone(zone.id);
      await database.close();
      await open();
      expect(await store.getZone(zone.id)).toEqual(again);
    });

    test('replaces many contents at once or not at all, and sweeps what they leave', async () => {
      const many = (count: number, prefix: string) =>
        Array.from({ length: count }, (_, index) =>
          rrset(`${prefix}${index}.example.`, rrTypes.TXT, prefix, {
            content: { identity: `dnsr-${index}`, name: `${prefix}${index}`, values: [prefix], createdAt: at },
          }),
        );
      const zone = await insert(newZone('example'), { rrsets: many(30, 'a'), links: [link('a1.example.')] });
      const other = await insert(newZone('other.example'), { rrsets: [rrset('other.example.', rrTypes.TXT, 'a')] });
      await publishWhole(zone, many(2500, 'b'), [link('b1.example.')]);
      expect(await store.getZone(zone.id)).toMatchObject({ version: 2 });
      const now = await store.readRRsets(zone.id, 5000);
      expect([now.length, now.every(({ content }) => content?.values[0] === 'b')]).toEqual([2500, true]);
      expect(await store.findRecord(zone.id, 'dnsr-7')).toMatchObject({ content: { name: 'b7' } });
      expect((await store.readLinks(zone.id, 5)).map(({ owner }) => owner)).toEqual([link('b1.example.').owner]);
      const late = publishWhole(zone, many(2500, 'c'), [link('b1.example.')]);
      await expect(late).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.readRRsets(zone.id, 5000)).toEqual(now);
      expect(await store.listVersions(zone.id, 5)).toEqual([version(2), version(1)]);
      await publish(
        { ...zone, version: 2, state: zone.state + 1 },
        { rrsets: [rrset('d.example.', rrTypes.TXT, 'd')] },
      );
      expect(await store.readRRsets(zone.id, 5000)).toHaveLength(2501);
      await database.close();
      await open();
      expect(await store.readRRsets(zone.id, 5000)).toHaveLength(2501);
      let rounds = 0;
      while (await store.sweep(at / 1000, 1000)) rounds += 1;
      expect(rounds).toBe(1 + 3); // the 30 that were replaced, and the 2500 that came too late
      expect(await store.readRRsets(zone.id, 5000)).toHaveLength(2501);
      await store.deleteZone(zone);
      while (await store.sweep(at / 1000, 1000)) rounds += 1;
      const [left] = await database.rows<{ count: number }>('SELECT count(*) AS count FROM zone_rrsets');
      expect([rounds, left]).toEqual([4 + 3, { count: 1 }]);
      expect(await store.readRRsets(other.id, 10)).toHaveLength(1);
    });

    test('replaces contents by few others, whether they were few or many, and leaves what others hold', async () => {
      const owners = (count: number) =>
        Array.from({ length: count }, (_, index) => rrset(`n${index}.example.`, rrTypes.TXT, 'x'));
      const few = await insert(newZone('few.example'), { rrsets: owners(3), links: [link('n0.example.')] });
      const many = await insert(newZone('many.example'), { rrsets: owners(2100), links: [link('n0.example.')] });
      for (const zone of [few, many]) {
        const entry = rrset('n1.example.', rrTypes.TXT, 'y');
        await publishWhole(zone, [entry], [link('n1.example.')]);
        expect(await store.readRRsets(zone.id, 10)).toEqual([entry]);
        expect((await store.readLinks(zone.id, 10)).map(({ owner }) => owner)).toEqual([entry.rrset.owner]);
        await expect(publishWhole(zone, owners(2), [])).rejects.toMatchObject({ code: 'conflict' });
        expect(await store.readRRsets(zone.id, 10)).toEqual([entry]);
      }
      while (await store.sweep(at / 1000, 1000));
      const [left] = await database.rows<{ count: number }>('SELECT count(*) AS count FROM zone_rrsets');
      expect(left).toEqual({ count: 2 });
    });

    test('shows nobody what is staged, and sweeps what a crash leaves of it a day later', async () => {
      const zone = await insert(newZone('example'), { rrsets: [rrset('a.example.', rrTypes.TXT, 'a')] });
      const staged = store.stage(at);
      const rows = Array.from({ length: 2500 }, (_, index) => rrset(`n${index}.example.`, rrTypes.TXT, 'x'));
      await staged.add(rows, []);
      expect(await store.readRRsets(zone.id, 10)).toHaveLength(1);
      const rowsIn = async () => {
        const [found] = await database.rows<{ count: number }>('SELECT count(*) AS count FROM zone_rrsets');
        return found!.count;
      };
      expect([await rowsIn(), await store.sweep(at / 1000 + 86_399, 5000)]).toEqual([2501, false]);
      while (await store.sweep(at / 1000 + 86_400, 5000));
      expect(await rowsIn()).toBe(1);
      await using given = store.stage(at);
      await given.add(rows, []);
      await given[Symbol.asyncDispose]();
      while (await store.sweep(at / 1000, 5000));
      expect(await rowsIn()).toBe(1);
    });

    test('keeps every version of a policy, by scope', async () => {
      const policies = openPolicyStore(database);
      const policy = (called: string, number: number) => ({
        name: called,
        version: number,
        createdAt: at,
        policy: { ...defaultPolicy, jitter: number },
      });
      await policies.insertPolicy(scope, policy('b', 1));
      await policies.insertPolicy(scope, { ...policy('b', 2), principal: 'me' });
      await policies.insertPolicy(scope, policy('a', 1));
      await policies.insertPolicy({ organisation: 'o', project: 'p' }, policy('b', 1));
      await expect(policies.insertPolicy(scope, policy('b', 2))).rejects.toMatchObject({ code: 'conflict' });
      expect(await policies.findPolicy(scope, 'b')).toEqual({ ...policy('b', 2), principal: 'me' });
      expect(await policies.findPolicy(scope, 'b', 1)).toEqual(policy('b', 1));
      expect(await policies.findPolicy(scope, 'b', 3)).toBeUndefined();
      const listed = await policies.listPolicies(scope);
      expect(listed.map((one) => `${one.name} ${one.version}`)).toEqual(['a 1', 'b 2']);
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

    test('lists the zones of all scopes page by page', async () => {
      const all = await Promise.all(
        ['a', 'b', 'c'].map((each, index) => insert(newZone(each, { scope: { organisation: `o${index}` } }))),
      );
      const ordered = all
        .toSorted((left, right) => left.id - right.id)
        .map(({ id, name: each }) => ({ id, name: each, version: 1, serial: 1 }));
      expect(await store.listAllZones(2, 0)).toEqual(ordered.slice(0, 2));
      expect(await store.listAllZones(2, ordered[1]!.id)).toEqual(ordered.slice(2));
    });

    test('holds the zones still for a reader while others write', async () => {
      const zone = await insert(newZone('example'), {
        rrsets: [rrset('a.example.', rrTypes.TXT, 'a')],
        links: [link('a.example.')],
      });
      const still = await store.snapshot();
      await publish(zone, {
        rrsets: [rrset('b.example.', rrTypes.TXT, 'b')],
        links: [link('b.example.')],
        removedRRsets: [{ key: rrset('a.example.', rrTypes.TXT, 'a').key, type: rrTypes.TXT }],
      });
      const seen = {
        version: (await still.getZone(zone.id)).version,
        owners: (await still.readRRsets(zone.id, 10)).map((one) => one.rrset.owner),
        links: (await still.readLinks(zone.id, 10)).length,
      };
      await still.close();
      expect(seen).toEqual({ version: 1, owners: [parseName('a.example.')], links: 1 });
      expect((await store.readRRsets(zone.id, 10)).map((one) => one.rrset.owner)).toEqual([parseName('b.example.')]);
      const later = await store.snapshot();
      const { version: newest } = await later.getZone(zone.id);
      const { length } = await later.readLinks(zone.id, 10);
      await later.close();
      expect([newest, length]).toEqual([2, 2]);
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

    test('keeps webhooks by scope, and lets one process at a time deliver', async () => {
      const webhooks = openZoneWebhookStore(database);
      const webhook: ZoneWebhook = {
        identity: 'zwh-1',
        scope: { organisation: 'o', project: 'p' },
        url: 'https://example.net/',
        kinds: ['rollover-stuck'],
        createdAt: at,
        secretHash: 'h',
        delivered: 0,
        failures: 0,
        nextAttemptAt: at,
      };
      const { kinds: _, ...ofAll } = { ...webhook, identity: 'zwh-2', scope };
      await webhooks.insertWebhook(webhook);
      await webhooks.insertWebhook(ofAll);
      expect(await webhooks.listWebhooks(webhook.scope)).toEqual([webhook]);
      expect(await webhooks.listWebhooks(scope)).toEqual([ofAll]);
      expect([await webhooks.listDueWebhooks(at), await webhooks.lastEventNumber()]).toEqual([[], 0]);
      const zone = await insert(newZone('example'));
      const other = await insert(newZone('other', { scope: webhook.scope }));
      const event = (text: string) => ({ kind: 'runway-low' as const, at, text });
      await store.noteSigning({ ...zone, state: 1 }, { events: [event('a'), event('b')] });
      await store.noteSigning({ ...other, state: 1 }, { events: [event('c')] });
      const found = await webhooks.listEventsAfter(scope, 0, 10);
      expect(found.map(({ zone: identity, event: { text } }) => [identity, text])).toEqual([
        ['dnsz-example', 'a'],
        ['dnsz-example', 'b'],
      ]);
      expect(await webhooks.listEventsAfter(scope, found[0]!.event.number, 10)).toEqual(found.slice(1));
      const last = await webhooks.lastEventNumber();
      expect(last).toBeGreaterThan(found[1]!.event.number);
      expect(await webhooks.listDueWebhooks(at - 1)).toEqual([]);
      expect(await webhooks.listDueWebhooks(at)).toHaveLength(2);
      expect(await webhooks.claimWebhook(webhook, at + 5)).toBe(true);
      expect(await webhooks.claimWebhook(webhook, at + 6)).toBe(false);
      await webhooks.advanceWebhook({ ...webhook, delivered: 1 }, at + 4);
      const failed = { ...webhook, failures: 2, nextAttemptAt: at + 9, lastError: 'no' };
      await webhooks.advanceWebhook(failed, at + 5);
      expect(await webhooks.listWebhooks(webhook.scope)).toEqual([failed]);
      expect(await webhooks.claimWebhook(failed, at + 20)).toBe(true);
      await webhooks.advanceWebhook({ ...webhook, delivered: last }, at + 20);
      expect(await webhooks.listDueWebhooks(at)).toEqual([ofAll]);
      expect(await webhooks.deleteWebhook(scope, 'zwh-1')).toBe(false);
      expect(await webhooks.deleteWebhook(webhook.scope, 'zwh-1')).toBe(true);
      expect(await webhooks.listWebhooks(webhook.scope)).toEqual([]);
    });

    test('numbers events in the order in which they become visible, whoever writes at the same time', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `zone${index}`);
      const zones = await Promise.all(names.map((each) => insert(newZone(each))));
      const webhooks = openZoneWebhookStore(database);
      let isOver = false;
      const writing = Promise.all(
        zones.map(async (zone) => {
          for (let state = 1; state <= 5; state++) {
            const events = [{ kind: 'transition' as const, at, text: `${zone.name} ${state}` }];
            await store.noteSigning({ ...zone, state }, { events });
          }
        }),
      ).finally(() => {
        isOver = true;
      });
      const seen: string[] = [];
      let last = 0;
      for (let isLast = false; !isLast;) {
        isLast = isOver;
        const found = await webhooks.listEventsAfter(scope, last, 1000);
        last = found.at(-1)?.event.number ?? last;
        seen.push(...found.map(({ event }) => event.text));
      }
      await writing;
      expect(seen).toHaveLength(100);
      expect(new Set(seen).size).toBe(100);
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
