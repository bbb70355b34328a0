import { createPublicKey, verify } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Ed25519Opener } from '#kms/adapters/provider-node-ed25519.ts';
import { CryptoEngine } from '#kms/adapters/provider-node-engine.ts';
import { SecretSlots } from '#kms/adapters/provider-node-slots.ts';
import { composeMaterialContext, sealMaterial } from '#kms/core/envelope.ts';
import { type KeyMaterial, loadMaterial } from '#kms/core/key-material.ts';
import { keyTypeRow } from '#kms/core/key-types.ts';
import { findLibsodium, type Libsodium } from '#lib/libsodium.ts';
import { pack, runOf } from '#lib/packed.ts';
import { refOf, testKek, utf8 } from '#test/support/kms-crypto.ts';

const libsodium = findLibsodium() as Libsodium;
const planted = 'PLANTED-SECRET-0123456789abcdef!';
const pkcs8Of = (seed: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
const pairOf = (pkcs8: Uint8Array) =>
  loadMaterial(keyTypeRow('ed25519'), pkcs8) as Extract<KeyMaterial, { kind: 'pair' }>;

/** Remembers every octet that was given out as a place for secrets. */
function watched(): { libsodium: Libsodium; blocks: Uint8Array[] } {
  const blocks: Uint8Array[] = [];
  const sodium_malloc = (octets: number): Uint8Array => {
    const block = libsodium.sodium_malloc(octets);
    blocks.push(block);
    return block;
  };
  return { libsodium: { ...libsodium, sodium_malloc }, blocks };
}

describe('an Ed25519 key that libsodium signs with', () => {
  it('has its seed in locked pages until it is wiped, and nowhere after', () => {
    const { libsodium: watching, blocks } = watched();
    const pkcs8 = pkcs8Of(utf8(planted));
    const key = new Ed25519Opener(watching).open(pairOf(pkcs8), pkcs8);
    const holdsSeed = () => blocks.some((block) => Buffer.from(block.buffer).includes(planted));
    expect(holdsSeed()).toBe(true);
    key?.wipe();
    expect(holdsSeed()).toBe(false);
    expect(blocks.every((block) => block.every((octet) => octet === 0))).toBe(true);
  });

  it('signs no more when it was wiped, and leaves the place to one that takes its own', () => {
    const opener = new Ed25519Opener(libsodium);
    const [first, second] = [1, 2].map((fill) => pkcs8Of(new Uint8Array(32).fill(fill)));
    const wiped = opener.open(pairOf(first!), first!);
    wiped?.wipe();
    const successor = opener.open(pairOf(second!), second!);
    expect(() => wiped?.sign(utf8('x'))).toThrow('after it was wiped');
    wiped?.wipe();
    const signature = successor?.sign(utf8('x')) ?? new Uint8Array();
    expect(verify(null, utf8('x'), pairOf(second!).publicKey, signature)).toBe(true);
  });

  it('is not opened where its public key is another one than OpenSSL made of it', () => {
    const { libsodium: watching, blocks } = watched();
    const pkcs8 = pkcs8Of(utf8(planted));
    const other = pairOf(pkcs8Of(new Uint8Array(32)));
    expect(() => new Ed25519Opener(watching).open(other, pkcs8)).toThrow('do not agree');
    expect(blocks.some((block) => Buffer.from(block.buffer).includes(planted))).toBe(false);
  });

  it('shows nothing of itself', () => {
    const pkcs8 = pkcs8Of(utf8(planted));
    const opener = new Ed25519Opener(libsodium);
    const key = opener.open(pairOf(pkcs8), pkcs8);
    const shown = inspect([opener, key], { depth: 10, showHidden: true }) + JSON.stringify([opener, key]);
    for (const text of [planted, Buffer.from(planted).toString('hex'), '80, 76, 65', '50 4c 41']) {
      expect(shown).not.toContain(text);
    }
  });
});

describe('an Ed25519 key in PKCS#8 that has more than the seed', () => {
  it('signs all the same, by OpenSSL', () => {
    const plain = pkcs8Of(new Uint8Array(32).fill(9));
    const publicKey = createPublicKey(pairOf(plain).privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
    const pkcs8 = Buffer.concat([
      Buffer.from('3051020101', 'hex'),
      plain.subarray(5),
      Buffer.from('812100', 'hex'),
      publicKey,
    ]);
    const ref = refOf('ed25519');
    const wrapped = sealMaterial(testKek(), pkcs8, composeMaterialContext(ref));
    const engine = new CryptoEngine([testKek()], 4);
    const items = pack([utf8('x')]);
    const { results, faults } = engine.runBatch({
      kind: 'sign',
      key: { ref, wrapped },
      wish: {},
      width: 1,
      items,
      cost: 1,
    });
    expect(faults).toEqual([]);
    expect(verify(null, utf8('x'), pairOf(plain).publicKey, runOf(results, 0))).toBe(true);
  });
});

describe('places for secrets', () => {
  it('are 64 octets each, none of which another has, many to a page', () => {
    const { libsodium: watching, blocks } = watched();
    const slots = new SecretSlots(watching);
    const taken = Array.from({ length: 200 }, () => slots.take());
    for (const [index, slot] of taken.entries()) slot.fill(index);
    expect(taken.map((slot) => [slot.length, slot.every((octet) => octet === slot[0]), slot[0]])).toEqual(
      taken.map((_, index) => [64, true, index]),
    );
    expect(blocks).toHaveLength(4);
  });

  it('are zeros when they are taken again', () => {
    const slots = new SecretSlots(libsodium);
    const slot = slots.take().fill(1);
    slots.give(slot);
    expect(slots.take()).toEqual(Buffer.alloc(64));
  });
});
