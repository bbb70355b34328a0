import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MaterialCache } from '#kms/adapters/provider-node-cache.ts';
import { type Ed25519Key, Ed25519Opener } from '#kms/adapters/provider-node-ed25519.ts';
import { type KeyMaterial, loadMaterial } from '#kms/core/key-material.ts';
import { keyTypeRow } from '#kms/core/key-types.ts';
import { findLibsodium, type Libsodium } from '#lib/libsodium.ts';
import { refOf } from '#test/support/kms-crypto.ts';

const libsodium = findLibsodium() as Libsodium;
const material: KeyMaterial = { kind: 'secret', secret: createSecretKey(new Uint8Array(16)) };
const stored = (key: string, version = 1, tag = 1) => ({
  ref: refOf('aes128-gcm96', { key, version }),
  wrapped: new Uint8Array(60).fill(tag),
});

function counting(capacity: number) {
  const cache = new MaterialCache(capacity);
  let opened = 0;
  const get = (...parameters: Parameters<typeof stored>): number => {
    cache.get(stored(...parameters), () => {
      opened++;
      return { material };
    });
    return opened;
  };
  return { cache, get };
}

/** Keeps a key that libsodium signs with, and remembers it beyond its stay. */
function keepingEd25519(cache: MaterialCache, name: string): Ed25519Key {
  const pkcs8 = Buffer.from(`302e020100300506032b657004220420${'5a'.repeat(32)}`, 'hex');
  const row = keyTypeRow('ed25519');
  const { ed25519 } = cache.get({ ...stored(name), ref: refOf('ed25519', { key: name }) }, () => {
    const pair = loadMaterial(row, pkcs8) as Extract<KeyMaterial, { kind: 'pair' }>;
    return { material: pair, ed25519: new Ed25519Opener(libsodium).open(pair, pkcs8) };
  });
  if (ed25519 === undefined) throw new Error('the key was not opened');
  expect(ed25519.sign(new Uint8Array(3))).toHaveLength(64);
  return ed25519;
}

describe('the cache of opened keys', () => {
  it('opens a key once', () => {
    const { get } = counting(4);
    expect([get('a'), get('a'), get('a')]).toEqual([1, 1, 1]);
  });

  it('holds no more than its capacity and drops what was not used for longest', () => {
    const { get } = counting(2);
    get('a');
    get('b');
    get('a');
    get('c');
    expect(get('a')).toBe(3);
    expect(get('b')).toBe(4);
  });

  it('forgets one version, or all of a key, and no other key', () => {
    const { cache, get } = counting(9);
    get('a', 1);
    get('a', 2);
    get('b', 1);
    cache.forget('a', 1);
    expect(get('a', 2)).toBe(3);
    expect(get('a', 1)).toBe(4);
    cache.forget('a', undefined);
    expect(get('b', 1)).toBe(4);
    expect(get('a', 2)).toBe(5);
  });

  it.each([
    ['that it has no room for any more', (cache: MaterialCache) => keepingEd25519(cache, 'other')],
    ['that it is to forget', (cache: MaterialCache) => cache.forget('a', 1)],
    ['at its end', (cache: MaterialCache) => cache.clear()],
  ])('wipes a key %s', (_, drop) => {
    const cache = new MaterialCache(1);
    const key = keepingEd25519(cache, 'a');
    drop(cache);
    expect(() => key.sign(new Uint8Array(3))).toThrow('wiped');
  });

  it('does not take another blob for the one that it opened', () => {
    const { get } = counting(4);
    get('a', 1, 1);
    expect(get('a', 1, 2)).toBe(2);
  });
});
