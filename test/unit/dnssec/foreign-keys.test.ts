import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { formatRdata, parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { composeDnskey, dnskeyFlags, keyTagOf, revokedDnskey } from '#dnssec/core/keys/dnskey.ts';
import { assertForeignKeys, isEntryPoint, parseForeignKeys } from '#dnssec/core/managed/foreign-keys.ts';
import { getAlgorithm } from '#dnssec/core/keys/algorithms.ts';

/** DNSKEY RDATA of a new Ed25519 key. */
function newKey(flags = 257): Rdata {
  const publicKey = getAlgorithm(15).publicKey.compose(generateKeyPairSync('ed25519').publicKey);
  return composeDnskey({ flags, protocol: 3, algorithm: 15, publicKey });
}

const text = (rdata: Rdata): string => formatRdata(rrTypes.DNSKEY, rdata);
const ours = { dnskey: newKey(), algorithm: 15 };

describe('keys of another signer', () => {
  test('come as DNSKEY RDATA, and a parent points to those with the flags 257', () => {
    const keys = [newKey(257), newKey(256)];
    expect(parseForeignKeys(keys.map(text))).toEqual(keys);
    expect(keys.map(isEntryPoint)).toEqual([true, false]);
  });

  test.each([
    ['that is revoked', text(revokedDnskey(newKey())), 'not 385'],
    ['that is no zone key', text(newKey(1)), 'not 1'],
    ['of another protocol', text(newKey()).replace('257 3', '257 4'), 'not 4'],
    ['of an unknown algorithm', text(newKey()).replace(' 15 ', ' 5 '), 'algorithm 5'],
    ['of a wrong length', '257 3 13 AAAA', 'octets'],
    ['that is no point on its curve', `257 3 13 ${Buffer.alloc(64, 1).toString('base64')}`, 'curve'],
    ['that is no RDATA', 'example. 3600 IN DNSKEY 257 3 15 AAAA', ''],
  ])('a key %s is refused by its place', (_, value, why) => {
    expect(() => parseForeignKeys([text(newKey()), value])).toThrow(`foreignKeys[1]: `);
    expect(() => parseForeignKeys([text(newKey()), value])).toThrow(why);
  });

  test('a key that stands twice is refused', () => {
    const key = text(newKey());
    expect(() => parseForeignKeys([key, key])).toThrow('foreignKeys[1]: the same key');
  });

  test('tags differ from ours, revoked forms too', () => {
    const signs = dnskeyFlags.zoneKey | dnskeyFlags.secureEntryPoint;
    const revoked = parseRdataText(rrTypes.DNSKEY, text(revokedDnskey(ours.dnskey)));
    // Some octets of a key, swapped sixteen bits apart, leave its tag as it is.
    const twin = composeDnskey({
      flags: signs,
      protocol: 3,
      algorithm: 15,
      publicKey: swapped(ours.dnskey.slice(4)) as ReturnType<typeof composeDnskey>,
    });
    expect(keyTagOf(twin)).toBe(keyTagOf(ours.dnskey));
    expect(() => assertForeignKeys([twin], [ours], true)).toThrow('share the key tag');
    expect(() => assertForeignKeys([newKey(), twin], [{ ...ours, dnskey: revoked }], true)).toThrow(
      'share the key tag',
    );
  });

  test('both signers sign with the same algorithms', () => {
    const other = { dnskey: newKey(), algorithm: 13 };
    expect(() => assertForeignKeys([newKey()], [other], true)).toThrow('both signers need the same');
    expect(() => assertForeignKeys([newKey()], [ours, other], true)).toThrow('none of algorithm 13');
    expect(() => assertForeignKeys([newKey()], [ours], true)).not.toThrow();
  });

  test('a signer without a key that has a DS is not whole, and may be what an adopted key leaves behind', () => {
    expect(() => assertForeignKeys([newKey(256)], [ours], true)).toThrow('flags 257');
    expect(() => assertForeignKeys([newKey(256)], [ours], false)).not.toThrow();
  });
});

function swapped(octets: string): string {
  return octets.slice(2, 4) + octets.slice(0, 2) + octets.slice(4);
}
