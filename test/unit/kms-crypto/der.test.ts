import { describe, expect, it } from 'vitest';
import { derFromP1363, ed25519SeedOf, isOneElement, p1363FromDer } from '#kms/core/der.ts';
import { decodeHex } from '#lib/encoding.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(decodeHex(text.replaceAll(' ', '')) ?? []);

describe('ECDSA signatures in DER', () => {
  it('become r‖s, filled up on the left', () => {
    expect(p1363FromDer(hex('3006 0201 01 0201 7f'), 2)).toEqual(hex('0001 007f'));
    expect(p1363FromDer(hex('3008 0202 0080 0202 00ff'), 1)).toEqual(hex('80 ff'));
  });

  it('are made minimal, with a zero octet before a high bit', () => {
    expect(derFromP1363(hex('0001 0080'), 2)).toEqual(hex('3007 0201 01 0202 0080'));
    expect(derFromP1363(hex('0000 0000'), 2)).toEqual(hex('3006 0201 00 0201 00'));
  });

  it.each([
    ['octets after it', '3006 0201 01 0201 01 00'],
    ['octets inside after s', '3008 0201 01 0201 01 0500'],
    ['a length in long form', '308106 0201 01 0201 01'],
    ['an indefinite length', '3080 0201 01 0201 01 0000'],
    ['a negative r', '3006 0201 80 0201 01'],
    ['a padded r', '3007 0202 0001 0201 01'],
    ['an empty s', '3005 0201 01 0200'],
    ['a missing s', '3003 0201 01'],
    ['another tag', '3106 0201 01 0201 01'],
    ['another inner tag', '3006 0301 01 0201 01'],
    ['a length beyond the end', '3007 0201 01 0201 01'],
    ['an r that is too long', '3008 0203 010000 0201 01'],
    ['nothing', ''],
    ['one octet', '30'],
  ])('are refused with %s', (_, text) => {
    expect(p1363FromDer(hex(text), 2)).toBeUndefined();
  });

  it('are not made of another length than r‖s has', () => {
    expect(derFromP1363(hex('00010203 04'), 2)).toBeUndefined();
    expect(derFromP1363(hex(''), 2)).toBeUndefined();
  });
});

describe('one element', () => {
  it('has its tag and nothing behind it', () => {
    expect(isOneElement(hex('3003 020101'), 0x30)).toBe(true);
    expect(isOneElement(hex('3003 020101 00'), 0x30)).toBe(false);
    expect(isOneElement(hex('3103 020101'), 0x30)).toBe(false);
    expect(isOneElement(hex(`308180${'00'.repeat(128)}`), 0x30)).toBe(true);
    expect(isOneElement(hex(`30820080${'00'.repeat(128)}`), 0x30)).toBe(false);
  });
});

describe('the seed of an Ed25519 key', () => {
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  const plain = `302e 020100 3005 06032b6570 0422 0420 ${seed}`;

  it('is found in the PKCS#8 that has nothing else, without a copy', () => {
    const pkcs8 = hex(plain);
    const found = ed25519SeedOf(pkcs8);
    expect(found).toEqual(hex(seed));
    expect(found?.buffer).toBe(pkcs8.buffer);
  });

  it.each([
    ['the public key as well', `3051 020101 3005 06032b6570 0422 0420 ${seed} 8121 00 ${seed}`],
    ['a key of X25519', plain.replace('2b6570', '2b656e')],
    ['octets after it', `${plain}00`],
    ['a shorter seed', plain.slice(0, -2)],
    ['nothing', ''],
  ])('is not looked for in %s', (_, text) => {
    expect(ed25519SeedOf(hex(text))).toBeUndefined();
  });
});
