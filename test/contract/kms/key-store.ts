import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Key } from '#kms/core/key.ts';
import { disable, purge, rotate, scheduleDeletion } from '#kms/core/life-cycle.ts';
import { composeStore } from '#kms/adapters/store/open-database.ts';
import { remembering } from '#kms/adapters/store/remembering.ts';
import type { Database } from '#database/database.ts';
import type { Credential } from '#kms/ports/tenant-store.ts';
import type { KeyStore } from '#kms/ports/key-store.ts';
import { testProvider } from '#test/support/kms-crypto.ts';

/** A store that can be opened again, as after a crash: nothing but what is durable is left. */
export interface StoreUnderTest extends AsyncDisposable {
  open(): Promise<Database>;
  /** Whether the store remembers what it read, as where it has the database to itself. */
  readonly remembers?: boolean;
}

const scope = { organisation: 'o', region: 'r' };
const now = 1_800_000_000_000;

const keyNamed = (name: string, more: Partial<Key> = {}): Key => ({
  identity: `kms-${name}`,
  scope,
  name,
  slug: name,
  keyType: 'ecdsa-p256',
  exportAllowed: false,
  imported: false,
  allowRotation: false,
  status: 'active',
  keyRotationEnabled: false,
  minDecryptionVersion: 1,
  versions: [{ version: 1, createdAt: now, wrapped: new Uint8Array([1, 2, 3]), publicKey: new Uint8Array([4]) }],
  createdAt: now,
  updatedAt: now,
  objectVersion: 1,
  ...more,
});

const version = (number: number) => ({ version: number, createdAt: now, wrapped: new Uint8Array([number]) });

/** What every key store does, whatever it keeps its data in. */
export function keyStoreContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the key store on ${name}`, () => {
    let under: StoreUnderTest;
    let database: Database;
    let store: ReturnType<typeof composeStore>;
    const open = async () => {
      database = await under.open();
      const composed = composeStore(database, testProvider());
      store = under.remembers === true ? remembering(composed) : composed;
    };
    beforeEach(async () => {
      under = await make();
      await open();
    });
    afterEach(async () => {
      await database.close();
      await under[Symbol.asyncDispose]();
    });

    const insert = (key: Key) => store.insertKey({ key, event: 'created', at: now });

    test('gives a key back as it was put in, after it was closed and opened again', async () => {
      const full = keyNamed('full', {
        scope: { ...scope, project: 'p' },
        description: 'd',
        labels: { a: 'b' },
        annotations: { c: '' },
        exportAllowed: true,
        imported: true,
        allowRotation: true,
        keyRotationEnabled: true,
        rotationPeriodInDays: 7,
        lastRotatedAt: now,
      });
      await insert(full);
      await insert(keyNamed('bare'));
      await database.close();
      await open();
      expect(await store.findKey(full.scope, 'kms-full')).toEqual(full);
      expect(await store.findKey(scope, 'bare')).toEqual(keyNamed('bare'));
    });

    test('finds keys of the very scope only', async () => {
      await insert(keyNamed('a'));
      expect(await store.findKey({ ...scope, project: 'p' }, 'kms-a')).toBeUndefined();
      expect(await store.findKey({ ...scope, organisation: 'x' }, 'kms-a')).toBeUndefined();
      expect(await store.findKey({ ...scope, region: 'x' }, 'kms-a')).toBeUndefined();
      expect(await store.listKeys({ ...scope, project: 'p' }, {})).toEqual([]);
    });

    test('refuses a slug that is taken in its scope, and changes nothing', async () => {
      await insert(keyNamed('a'));
      await expect(insert(keyNamed('b', { slug: 'a' }))).rejects.toMatchObject({ code: 'slug-conflict' });
      await insert(keyNamed('c', { slug: 'a', scope: { ...scope, project: 'p' } }));
      expect(await store.findKey(scope, 'kms-b')).toBeUndefined();
    });

    test('frees the slug of a key that waits for its deletion', async () => {
      const { key } = scheduleDeletion(keyNamed('a'), now);
      await insert(keyNamed('a'));
      await store.updateKey({ key, event: 'deletion-scheduled', at: now });
      await insert(keyNamed('b', { slug: 'a' }));
      expect((await store.findKey(scope, 'a'))?.identity).toBe('kms-b');
      expect((await store.findKey(scope, 'kms-a'))?.status).toBe('pending_deletion');
    });

    test('takes a slug that no other key has for the key that was deleted last', async () => {
      for (const [id, at] of [
        ['a', now + 1],
        ['b', now + 2],
        ['c', now],
      ] as const) {
        const made = keyNamed(id, { slug: 'same' });
        await insert(made);
        await store.updateKey({ key: scheduleDeletion(made, at).key, event: 'deletion-scheduled', at });
      }
      expect((await store.findKey(scope, 'same'))?.identity).toBe('kms-b');
      expect(await store.findKey({ ...scope, project: 'p' }, 'same')).toBeUndefined();
    });

    test('of two changes made on the same grounds lets one through', async () => {
      await insert(keyNamed('a'));
      const first = disable(keyNamed('a'), now);
      const second = rotate(keyNamed('a'), version(2), now);
      await store.updateKey({ key: first.key, event: 'disabled', at: now });
      await expect(store.updateKey({ key: second.key, event: 'rotated', at: now })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await store.findKey(scope, 'a')).toEqual(first.key);
    });

    test('keeps every version that a rotation adds', async () => {
      await insert(keyNamed('a'));
      const { key } = rotate(keyNamed('a'), version(2), now);
      await store.updateKey({ key, event: 'rotated', at: now });
      expect((await store.findKey(scope, 'a'))?.versions).toEqual(key.versions);
    });

    test('filters lists exactly, all conditions at once', async () => {
      await insert(keyNamed('a', { labels: { zone: 'x', role: 'csk' } }));
      await insert(keyNamed('b', { labels: { zone: 'x' } }));
      const identities = async (filter: Parameters<KeyStore['listKeys']>[1]) =>
        (await store.listKeys(scope, filter)).map((key) => key.identity);
      expect(await identities({})).toEqual(['kms-a', 'kms-b']);
      expect(await identities({ labels: { zone: 'x' } })).toEqual(['kms-a', 'kms-b']);
      expect(await identities({ labels: { zone: 'x', role: 'csk' } })).toEqual(['kms-a']);
      expect(await identities({ name: 'b', labels: { role: 'csk' } })).toEqual([]);
      const odd = { 'a%_\\"ü': '100 % "of_it"\\\n', Case: 'Matters' };
      await insert(keyNamed('odd', { labels: odd }));
      expect(await identities({ labels: odd })).toEqual(['kms-odd']);
      expect(await identities({ labels: { Case: 'matters' } })).toEqual([]);
      expect(await identities({ labels: { Case: '%' } })).toEqual([]);
      expect(await identities({ labels: { Case: 'Matter_' } })).toEqual([]);
      expect(await identities({ status: 'disabled' })).toEqual([]);
    });

    test('counts keys by status', async () => {
      await insert(keyNamed('a'));
      await insert(keyNamed('b', { status: 'disabled' }));
      await insert(keyNamed('c', { status: 'pending_deletion', deletionScheduledAt: now }));
      expect(await store.countKeys(scope)).toEqual({ active: 1, disabled: 1, pendingDeletion: 1 });
    });

    test('remembers what a claim made, and refuses it for another request', async () => {
      const claim = { principal: 'p', key: 'once', requestHash: new Uint8Array(32).fill(1) };
      await store.insertKey({ key: keyNamed('a'), event: 'created', at: now, claim });
      expect(await store.findClaim(claim)).toBe('kms-a');
      expect(await store.findClaim({ ...claim, principal: 'q' })).toBeUndefined();
      await expect(store.findClaim({ ...claim, requestHash: new Uint8Array(32) })).rejects.toMatchObject({
        code: 'conflict',
      });
      await expect(store.insertKey({ key: keyNamed('b'), event: 'created', at: now, claim })).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await store.findKey(scope, 'kms-b')).toBeUndefined();
    });

    test('lists the keys whose rotation is due', async () => {
      const due = keyNamed('a', { keyRotationEnabled: true, rotationPeriodInDays: 1 });
      await insert(due);
      await insert(keyNamed('b', { keyRotationEnabled: true, rotationPeriodInDays: 2 }));
      await insert(keyNamed('c', { keyRotationEnabled: true, rotationPeriodInDays: 1, status: 'disabled' }));
      expect(await store.listDueRotations(now + 86_399_999)).toEqual([]);
      expect(await store.listDueRotations(now + 86_400_000)).toEqual([{ scope, identity: 'kms-a' }]);
    });

    const credential = (id: string, more: Partial<Credential> = {}): Credential => ({
      identity: `tok-${id}`,
      kind: 'token',
      hash: new Uint8Array(32).fill(id.charCodeAt(0)),
      principal: { identity: `tok-${id}`, organisation: 'o', policies: ['kms:Sign'] },
      name: id,
      createdAt: now,
      ...more,
    });

    test('knows credentials by their hash until they expire', async () => {
      const token = credential('t', { expiresAt: now + 10 });
      await store.putCredential(token);
      expect(await store.findCredential(token.hash, now + 9)).toEqual(token);
      expect(await store.findCredential(token.hash, now + 10)).toBeUndefined();
      expect(await store.findCredential(new Uint8Array(32), now)).toBeUndefined();
    });

    test('keeps a credential or a webhook together with its claim, or neither', async () => {
      const claim = { principal: 'p', key: 'once', requestHash: new Uint8Array(32).fill(1) };
      const token = credential('t');
      await store.putCredential(token, claim);
      expect(await store.findClaim(claim)).toBe(token.identity);
      const second = credential('u');
      await expect(store.putCredential(second, claim)).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.findCredential(second.hash, now)).toBeUndefined();
      const progress = { delivered: 0, failures: 0, nextAttemptAt: now };
      const webhook = {
        identity: 'whk-1',
        organisation: 'o',
        url: 'https://example.net/',
        createdAt: now,
        ...progress,
      };
      await expect(store.insertWebhook(webhook, claim)).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.listWebhooks('o')).toEqual([]);
      await store.insertWebhook(webhook, { ...claim, key: 'another' });
      expect(await store.findClaim({ ...claim, key: 'another' })).toBe('whk-1');
    });

    test('revokes a client together with the access tokens that it got', async () => {
      const client = credential('c', { kind: 'client' });
      const access = credential('a', { kind: 'access', principal: client.principal, expiresAt: now + 10 });
      await store.putCredential(client);
      await store.putCredential(access);
      expect(await store.listCredentials('o')).toEqual([client]);
      expect(await store.revokeCredential(client.identity, 'another', now)).toBe(false);
      expect(await store.revokeCredential(client.identity, 'o', now)).toBe(true);
      expect(await store.revokeCredential(client.identity, 'o', now)).toBe(false);
      expect(await store.findCredential(client.hash, now)).toBeUndefined();
      expect(await store.findCredential(access.hash, now)).toBeUndefined();
      expect((await store.listCredentials(undefined))[0]?.revokedAt).toBe(now);
    });

    test('knows no access token that a client got while it was revoked', async () => {
      const client = credential('c', { kind: 'client' });
      await store.putCredential(client);
      expect(await store.findCredential(client.hash, now)).toEqual(client);
      await store.revokeCredential(client.identity, 'o', now);
      const access = credential('a', { kind: 'access', principal: client.principal, expiresAt: now + 10 });
      await store.putCredential(access);
      expect(await store.findCredential(access.hash, now)).toBeUndefined();
    });

    test('numbers events in the order of the changes, without gaps', async () => {
      await insert(keyNamed('a'));
      await expect(insert(keyNamed('x', { slug: 'a' }))).rejects.toMatchObject({ code: 'slug-conflict' });
      await store.updateKey({ key: rotate(keyNamed('a'), version(2), now).key, event: 'rotated', at: now + 1 });
      await insert(keyNamed('b', { scope: { ...scope, project: 'p' } }));
      expect(await store.listEvents(scope, 0, 10)).toEqual([
        { number: 1, scope, key: 'kms-a', kind: 'created', version: 1, at: now },
        { number: 2, scope, key: 'kms-a', kind: 'rotated', version: 2, at: now + 1 },
      ]);
      expect((await store.listEvents(scope, 1, 10)).map(({ number }) => number)).toEqual([2]);
      expect((await store.listOrganisationEvents('o', 1, 10)).map(({ number }) => number)).toEqual([2, 3]);
      expect(await store.lastEventNumber()).toBe(3);
    });

    test('destroys the material of a purged key and finds it no more', async () => {
      const pending = scheduleDeletion(keyNamed('a'), now).key;
      await insert(keyNamed('a'));
      await store.updateKey({ key: pending, event: 'deletion-scheduled', at: now });
      const due = now + 30 * 86_400_000;
      expect(await store.listDuePurges(due - 1)).toEqual([]);
      expect(await store.listDuePurges(due)).toEqual([{ scope, identity: 'kms-a' }]);
      await store.updateKey({ key: purge(pending, due).key, event: 'purged', at: due });
      expect(await store.findKey(scope, 'kms-a')).toBeUndefined();
      expect(await store.listKeys(scope, {})).toEqual([]);
      expect(await store.listDuePurges(due)).toEqual([]);
      expect(await database.rows('SELECT * FROM key_versions')).toEqual([]);
      expect(await database.rows('SELECT identity, status FROM keys')).toEqual([
        { identity: 'kms-a', status: 'purged' },
      ]);
    });

    test('takes no key that was named like it for one that was purged', async () => {
      const pending = scheduleDeletion(keyNamed('a'), now).key;
      await insert(keyNamed('a'));
      await insert(keyNamed('b', { slug: 'kms-a' }));
      expect((await store.findKey(scope, 'kms-a'))?.identity).toBe('kms-a');
      await store.updateKey({ key: pending, event: 'deletion-scheduled', at: now });
      const due = now + 30 * 86_400_000;
      await store.updateKey({ key: purge(pending, due).key, event: 'purged', at: due });
      expect(await store.findKey(scope, 'kms-a')).toBeUndefined();
      const other = scheduleDeletion(keyNamed('b', { slug: 'kms-a' }), now).key;
      await store.updateKey({ key: other, event: 'deletion-scheduled', at: now });
      expect(await store.findKey(scope, 'kms-a')).toBeUndefined();
      expect((await store.findKey(scope, 'kms-b'))?.identity).toBe('kms-b');
    });

    test('takes deleted material out of its files and nothing else', async () => {
      await insert(keyNamed('a'));
      await store.eraseDeletedMaterial();
      expect(await store.findKey(scope, 'a')).toEqual(keyNamed('a'));
    });

    test('pages through a list without losing or repeating a key', async () => {
      const names = ['a', 'b', 'c', 'd', 'e'];
      for (const each of names) await insert(keyNamed(each, { labels: { odd: String('ace'.includes(each)) } }));
      const first = await store.listKeys(scope, {}, { limit: 2 });
      const second = await store.listKeys(scope, {}, { limit: 2, after: first[1] });
      const third = await store.listKeys(scope, {}, { limit: 2, after: second[1] });
      expect([...first, ...second, ...third].map((key) => key.name)).toEqual(names);
      const odd = await store.listKeys(scope, { labels: { odd: 'true' } }, { limit: 2, after: first[0] });
      expect(odd.map((key) => key.name)).toEqual(['c', 'e']);
    });

    test('adds up the encryptions of a version', async () => {
      await insert(keyNamed('a'));
      expect(await store.reserveInvocations('kms-a', 1, 5)).toBe(5);
      expect(await store.reserveInvocations('kms-a', 1, 7)).toBe(12);
      expect(await store.reserveInvocations('kms-a', 2, 1)).toBe(1);
    });

    test.each([
      ['a column that was changed', `UPDATE keys SET status = 'active' WHERE identity = 'kms-a'`],
      [
        'material of another key',
        `UPDATE key_versions SET wrapped = (SELECT wrapped FROM key_versions WHERE key = 'kms-b')`,
      ],
      ['a version that was taken away', `DELETE FROM key_versions WHERE key = 'kms-a' AND version = 1`],
      ['a public key that was changed', `UPDATE key_versions SET public_key = wrapped WHERE key = 'kms-a'`],
      [
        'a seal of another key',
        `UPDATE keys SET seal = (SELECT seal FROM keys AS other WHERE other.identity = 'kms-b')`,
      ],
    ])('serves no key with %s', async (_what, change) => {
      await insert(keyNamed('a', { status: 'disabled' }));
      await insert(keyNamed('b', { versions: [version(1)] }));
      await database.write([{ sql: change, values: [] }]);
      await expect(store.findKey(scope, 'kms-a')).rejects.toMatchObject({ code: 'row-damaged' });
      await expect(store.listKeys(scope, {})).rejects.toMatchObject({ code: 'row-damaged' });
    });

    test('serves no key that was put back to an older state', async () => {
      await insert(keyNamed('a'));
      const [before] = await database.rows<{
        status: string;
        object_version: number;
        updated_at: number;
        seal: Uint8Array;
      }>('SELECT status, object_version, updated_at, seal FROM keys');
      await store.updateKey({ key: disable(keyNamed('a'), now).key, event: 'disabled', at: now });
      await database.write([
        {
          sql: 'UPDATE keys SET status = ?, object_version = ?, updated_at = ?, seal = ?',
          values: [before!.status, before!.object_version, before!.updated_at, before!.seal],
        },
      ]);
      await expect(store.findKey(scope, 'kms-a')).rejects.toMatchObject({ code: 'row-damaged' });
    });

    test('knows no credential whose rights were changed in the database', async () => {
      const token = credential('t');
      await store.putCredential(token);
      await database.write([{ sql: 'UPDATE credentials SET policies = ?', values: ['["kms:FullAccess"]'] }]);
      await expect(store.findCredential(token.hash, now)).rejects.toMatchObject({ code: 'row-damaged' });
    });

    test('keeps webhooks, and lets one process at a time deliver', async () => {
      await insert(keyNamed('a'));
      const webhook = {
        identity: 'whk-1',
        organisation: 'o',
        url: 'https://example.net/',
        createdAt: now,
        delivered: 0,
      };
      await store.insertWebhook({ ...webhook, failures: 0, nextAttemptAt: now });
      const [due] = await store.listDueWebhooks(now);
      expect(due).toEqual({ ...webhook, failures: 0, nextAttemptAt: now });
      expect(await store.claimWebhook(due!, now + 5)).toBe(true);
      expect(await store.claimWebhook(due!, now + 5)).toBe(false);
      await store.advanceWebhook({ ...due!, failures: 1, nextAttemptAt: now + 9, lastError: 'no' });
      expect(await store.listDueWebhooks(now + 8)).toEqual([]);
      await store.advanceWebhook({ ...due!, delivered: 1 });
      expect(await store.listDueWebhooks(now + 100)).toEqual([]);
      expect(await store.deleteWebhook('x', 'whk-1')).toBe(false);
      expect(await store.deleteWebhook('o', 'whk-1')).toBe(true);
    });

    test('replaces the wrapped form of all key-encryption keys, or of none', async () => {
      const kek = { id: 'k1', generation: 1, rootKeyId: 'r', wrapped: new Uint8Array([1]) };
      await store.insertFirstKek(kek);
      const changed = { ...kek, rootKeyId: 's', wrapped: new Uint8Array([2]) };
      await expect(store.replaceKeks([changed, { ...changed, id: 'k2' }])).rejects.toMatchObject({ code: 'conflict' });
      expect(await store.listKeks()).toEqual([kek]);
      await store.replaceKeks([changed]);
      expect(await store.listKeks()).toEqual([changed]);
    });

    test('keeps the first wrapping key of a region', async () => {
      const key = { region: 'r', wrapped: new Uint8Array([1]), publicKey: new Uint8Array([2]) };
      expect(await store.findWrappingKey('r')).toBeUndefined();
      expect(await store.insertFirstWrappingKey(key)).toEqual(key);
      expect(await store.insertFirstWrappingKey({ ...key, wrapped: new Uint8Array([3]) })).toEqual(key);
    });

    test('keeps the first key-encryption key and the first value of a setting', async () => {
      const kek = { id: 'k1', generation: 1, rootKeyId: 'r', wrapped: new Uint8Array([1]) };
      expect(await store.insertFirstKek(kek)).toEqual(kek);
      expect(await store.insertFirstKek({ ...kek, id: 'k2' })).toEqual(kek);
      expect(await store.listKeks()).toEqual([kek]);
      expect(await store.keepFirstSetting('s', 'one')).toBe('one');
      expect(await store.keepFirstSetting('s', 'two')).toBe('one');
    });

    test('finds organisations and regions by identity and slug', async () => {
      await store.putOrganisation({ identity: 'o-1', name: 'One', slug: 'one', kmsEnabled: false });
      await store.putRegion({ identity: 'r-1', name: 'R', slug: 'nl', kmsAvailable: true });
      expect(await store.findOrganisation('one')).toEqual({
        identity: 'o-1',
        name: 'One',
        slug: 'one',
        kmsEnabled: false,
      });
      expect(await store.findRegion('r-1')).toEqual(await store.findRegion('nl'));
      expect(await store.findRegion('x')).toBeUndefined();
    });
  });
}
