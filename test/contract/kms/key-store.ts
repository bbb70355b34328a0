import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Key } from '#kms/core/key.ts';
import { disable, rotate, scheduleDeletion } from '#kms/core/life-cycle.ts';
import type { KeyStore } from '#kms/ports/key-store.ts';

/** A store that can be opened again, as after a crash: nothing but what is durable is left. */
export interface StoreUnderTest extends AsyncDisposable {
  open(): Promise<KeyStore>;
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
    let store: KeyStore;
    beforeEach(async () => {
      under = await make();
      store = await under.open();
    });
    afterEach(async () => {
      await store.close();
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
      await store.close();
      store = await under.open();
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
      expect(await store.listDueRotations(now + 86_400_000)).toEqual([due]);
    });

    test('knows tokens by their hash until they expire', async () => {
      const principal = { identity: 'p', organisation: 'o', policies: ['kms:Sign'] as const };
      const hash = new Uint8Array(32).fill(7);
      await store.putToken({ principal, name: 't', hash, createdAt: now, expiresAt: now + 10 });
      expect(await store.findPrincipal(hash, now + 9)).toEqual(principal);
      expect(await store.findPrincipal(hash, now + 10)).toBeUndefined();
      expect(await store.findPrincipal(new Uint8Array(32), now)).toBeUndefined();
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
