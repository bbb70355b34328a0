import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MaterialCache } from '#kms/adapters/provider-node-cache.ts';
import type { KeyMaterial } from '#kms/core/key-material.ts';
import { refOf } from '#test/support/kms-crypto.ts';

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
      return material;
    });
    return opened;
  };
  return { cache, get };
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

  it('does not take another blob for the one that it opened', () => {
    const { get } = counting(4);
    get('a', 1, 1);
    expect(get('a', 1, 2)).toBe(2);
  });
});
