import { createPublicKey, ECDH, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeBase64 } from '#lib/encoding.ts';
import { parseName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Octets } from '#lib/octets.ts';
import type { Rdata } from '#dns/rrset.ts';
import { algorithmForKeyType, algorithms, findAlgorithm, getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { composeDnskey, keyTagOf, parseDnskey, revokedDnskey } from '#dnssec/core/keys/dnskey.ts';
import { composeDs, deleteCdnskey, deleteCds, dsMatches } from '#dnssec/core/keys/ds.ts';
import { assertKeySet, keysThatSign } from '#dnssec/core/keys/key-set.ts';
import { parseExportedKey } from '#dnssec/core/keys/public-key.ts';
import { composeZoneKey, type Role, type ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { hexOf, rdataOf } from '#test/support/dns.ts';

const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const p256 = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;

function zoneKey(role: Role, algorithm: number, pem: string, version = 1): ZoneKey {
  return composeZoneKey(role, getAlgorithm(algorithm), pem, { keyId: 'k', version });
}

describe('DNSKEYs of exported keys', () => {
  test('a KSK and a CSK have the SEP flag, a ZSK has not; the protocol is 3', () => {
    const pem = pemOf(p256());
    const flags = (['csk', 'ksk', 'zsk'] as const).map((role) => parseDnskey(zoneKey(role, 13, pem).dnskey));
    expect(flags.map((dnskey) => [dnskey.flags, dnskey.protocol, dnskey.algorithm])).toEqual([
      [257, 3, 13],
      [257, 3, 13],
      [256, 3, 13],
    ]);
  });

  test.each([
    [13, 'P-256', 64],
    [14, 'P-384', 96],
  ])('algorithm %i holds X‖Y of %s without the octet 0x04', (algorithm, namedCurve, octets) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve });
    const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-octets);
    expect(hexOf(parseDnskey(zoneKey('csk', algorithm, pemOf(publicKey)).dnskey).publicKey)).toBe(
      point.toString('hex'),
    );
  });

  test('Ed25519 holds the raw 32 octets, exported as base64 or as PEM', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    expect(zoneKey('csk', 15, encodeBase64(raw)).dnskey).toBe(zoneKey('csk', 15, pemOf(publicKey)).dnskey);
    expect(hexOf(parseDnskey(zoneKey('csk', 15, encodeBase64(raw)).dnskey).publicKey)).toBe(raw.toString('hex'));
  });

  test('RSA holds the length of the exponent, the exponent and the modulus, without leading zeros', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { publicKey: octets } = parseDnskey(zoneKey('csk', 8, pemOf(publicKey)).dnskey);
    expect(hexOf(octets).slice(0, 8)).toBe('03010001');
    expect(octets).toHaveLength(4 + 256);
    expect(octets.charCodeAt(4)).toBeGreaterThan(0x7f);
  });

  test('an RSA exponent above 255 octets has its length in three octets', () => {
    const codec = getAlgorithm(8).publicKey;
    const modulus = `\xc1${'\x11'.repeat(511)}`;
    const exponent = `\x01${'\0'.repeat(255)}\x01`;
    const octets = `\0\x01\x01${exponent}${modulus}` as Octets;
    expect(codec.compose(codec.parse(octets))).toBe(octets);
  });

  test.each([
    [13, 'of another curve', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey],
    [13, 'of another kind', () => generateKeyPairSync('ed25519').publicKey],
    [15, 'of another kind', () => p256()],
    [8, 'of another kind', () => p256()],
  ])('algorithm %i refuses a key %s', (algorithm, _, make) => {
    expect(() => zoneKey('csk', algorithm, pemOf(make()))).toThrow(/the public key is of kind/);
  });

  test.each([
    ['nothing', ''],
    ['31 octets', encodeBase64(new Uint8Array(31))],
    ['broken PEM', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
    ['lenient base64', 'l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4'],
  ])('%s is no exported key', (_, text) => {
    expect(() => parseExportedKey(text)).toThrow(expect.objectContaining({ code: 'key-invalid' }));
  });

  test.each([
    [13, 'a compressed point', `\x02${'\x11'.repeat(32)}`, 'has 64 octets, not 33'],
    [13, 'a point with 0x04', `\x04${'\x11'.repeat(64)}`, 'has 64 octets, not 65'],
    [13, 'a point that is not on the curve', '\x11'.repeat(64), 'not on its curve'],
    [15, '33 octets', '\x11'.repeat(33), 'has 32 octets, not 33'],
    [8, 'a leading zero in the modulus', `\x03\x01\x00\x01\0${'\x11'.repeat(255)}`, 'leading zero'],
    [8, 'a leading zero in the exponent', `\x03\0\x01\x01${'\xc1'.repeat(256)}`, 'leading zero'],
    [8, 'a modulus of 504 bits', `\x03\x01\x00\x01${'\x11'.repeat(63)}`, 'has 504 bits'],
    [8, 'no modulus', '\x03\x01\x00\x01', 'cut short'],
  ])('algorithm %i refuses %s', (algorithm, _, octets, why) => {
    expect(() => getAlgorithm(algorithm).publicKey.parse(octets as Octets)).toThrow(why);
  });
});

describe('forms of a key that is to sign', () => {
  test.each([
    [13, 'prime256v1', 32, '3039301306072a8648ce3d020106082a8648ce3d030107032200'],
    [14, 'secp384r1', 48, '3046301006072a8648ce3d020106052b81040022033200'],
  ])('algorithm %i refuses a compressed and a hybrid point', (algorithm, curve, octets, head) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const point = spki.subarray(-(1 + 2 * octets));
    const compressed = ECDH.convertKey(point, curve, undefined, undefined, 'compressed') as Buffer;
    const hybrid = Buffer.from(spki);
    hybrid[spki.length - point.length] = 6 | ((point.at(-1) as number) & 1);
    for (const der of [Buffer.concat([Buffer.from(head, 'hex'), compressed]), hybrid]) {
      const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
      expect(() => zoneKey('csk', algorithm, pem)).toThrow('has its point in compressed or hybrid form');
    }
    expect(zoneKey('csk', algorithm, pemOf(publicKey)).dnskey.slice(4)).toBe(point.toString('latin1', 1));
  });

  test.each([1024, 2040, 4104])('an RSA key of %i bits is refused', (bits) => {
    const n = Buffer.alloc(bits / 8, 0xc1).toString('base64url');
    const key = createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });
    expect(() => zoneKey('csk', 8, pemOf(key))).toThrow(
      `the RSA key has ${bits} bits: a key that signs has 2048 to 4096`,
    );
  });

  test('RSA keys of 2048 and 4096 bits are taken', () => {
    for (const bits of [2048, 4096]) {
      const n = Buffer.alloc(bits / 8, 0xc1).toString('base64url');
      const key = createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });
      expect(parseDnskey(zoneKey('csk', 8, pemOf(key)).dnskey).publicKey).toHaveLength(4 + bits / 8);
    }
  });

  test('an RSA-PSS key is refused: PKCS #1 v1.5 signatures are not for it', () => {
    const { publicKey } = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
    expect(() => zoneKey('csk', 8, pemOf(publicKey))).toThrow('of kind rsa-pss: expected an RSA key');
  });
});

describe('the table of algorithms', () => {
  test('holds 8, 10, 13, 14 and 15', () => {
    expect(algorithms.map((algorithm) => algorithm.number).toSorted((left, right) => left - right)).toEqual([
      8, 10, 13, 14, 15,
    ]);
  });

  test('signing and validation have the advice of RFC 9904', () => {
    const advice = algorithms.map(({ number, signing, validation }) => [number, signing, validation]);
    expect(Object.fromEntries(advice.map(([number, ...rest]) => [number, rest]))).toEqual({
      8: ['recommended', 'recommended'],
      10: ['not recommended', 'recommended'],
      13: ['recommended', 'recommended'],
      14: ['optional', 'recommended'],
      15: ['recommended', 'recommended'],
    });
  });

  test('RSA keys sign with 8 unless 10 is wanted', () => {
    expect(algorithmForKeyType('rsa-2048').number).toBe(8);
    expect(algorithmForKeyType('rsa-2048', 10).number).toBe(10);
  });

  test('what does not fit is refused by name', () => {
    expect(() => algorithmForKeyType('rsa-2048', 13)).toThrow('8 (RSASHA256), 10 (RSASHA512) it can');
    expect(() => algorithmForKeyType('aes256-gcm96')).toThrow('cannot sign for DNSSEC');
    expect(() => getAlgorithm(5)).toThrow('DNSSEC algorithm 5 is not supported');
    expect(findAlgorithm(5)).toBeUndefined();
  });
});

describe('key tags (RFC 4034 §B)', () => {
  test('change with the flags, the revoke bit included', () => {
    const { dnskey } = zoneKey('csk', 13, pemOf(p256()));
    expect(keyTagOf(revokedDnskey(dnskey))).toBe(
      (keyTagOf(dnskey) + 0x80 + (keyTagOf(dnskey) + 0x80 > 0xffff ? 1 : 0)) & 0xffff,
    );
    expect(parseDnskey(revokedDnskey(dnskey)).flags).toBe(257 | 0x80);
  });

  test('algorithm 1 has a tag of its own making', () => {
    expect(
      keyTagOf(composeDnskey({ flags: 257, protocol: 3, algorithm: 1, publicKey: '\x01\x02\xab\xcd\xef' as Octets })),
    ).toBe(0xabcd);
  });
});

describe('sets of keys', () => {
  const csk = zoneKey('csk', 13, pemOf(p256()));
  const ksk = zoneKey('ksk', 13, pemOf(p256()));
  const zsk = zoneKey('zsk', 13, pemOf(p256()));

  test('the KSK signs DNSKEY, CDS and CDNSKEY, the ZSK all else, a CSK everything', () => {
    const keys = [csk, ksk, zsk];
    for (const type of [rrTypes.DNSKEY, rrTypes.CDS, rrTypes.CDNSKEY])
      expect(keysThatSign(type, true, keys)).toEqual([csk, ksk]);
    for (const type of [rrTypes.A, rrTypes.SOA, rrTypes.NSEC, rrTypes.DS])
      expect(keysThatSign(type, true, keys)).toEqual([csk, zsk]);
  });

  test('below the apex CDS and CDNSKEY are data like any other (RFC 9615 §4.1)', () => {
    for (const type of [rrTypes.CDS, rrTypes.CDNSKEY])
      expect(keysThatSign(type, false, [csk, ksk, zsk])).toEqual([csk, zsk]);
  });

  test('every algorithm needs keys that sign both (RFC 4035 §2.2)', () => {
    assertKeySet([csk]);
    assertKeySet([ksk, zsk]);
    expect(() => assertKeySet([ksk])).toThrow('it needs a ZSK beside it, or a CSK');
    expect(() => assertKeySet([zsk])).toThrow('it needs a KSK beside it, or a CSK');
    expect(() => assertKeySet([])).toThrow('at least one key');
    const other = zoneKey('zsk', 15, pemOf(generateKeyPairSync('ed25519').publicKey));
    expect(() => assertKeySet([csk, other])).toThrow('algorithm 15 (ED25519) has only a ZSK');
  });

  test('two keys must not share a tag, foreign keys and revoked forms included', () => {
    const same = tagTwin(csk.dnskey);
    expect(keyTagOf(same)).toBe(csk.keyTag);
    expect(() => assertKeySet([csk], [same])).toThrow(
      expect.objectContaining({ code: 'key-tag-collision', details: { keyTag: csk.keyTag } }),
    );
    expect(() => assertKeySet([csk], [tagTwin(revokedDnskey(csk.dnskey))])).toThrow('share the key tag');
    assertKeySet([csk], [csk.dnskey]);
  });
});

describe('one key', () => {
  const pem = pemOf(p256());
  const csk = zoneKey('csk', 13, pem);

  test('must not be given twice, as one version or as two that hold the same key', () => {
    expect(() => assertKeySet([csk, csk])).toThrow(
      `KMS key k version 1 and KMS key k version 1 make the same DNSKEY ${csk.keyTag}`,
    );
    expect(() => assertKeySet([csk, zoneKey('csk', 13, pem, 2)])).toThrow(
      expect.objectContaining({
        code: 'key-invalid',
        message: expect.stringContaining('version 1 and KMS key k version 2'),
      }),
    );
  });

  test('does not collide with itself: published by another signer, or revoked', () => {
    const foreign = [csk.dnskey, revokedDnskey(csk.dnskey), csk.dnskey];
    expect(() => assertKeySet([csk], foreign)).not.toThrow();
  });
});

/** Another DNSKEY of the same tag: two 16-bit words of the key change places. */
function tagTwin(dnskey: Rdata): Rdata {
  return (dnskey.slice(0, 4) + dnskey.slice(6, 8) + dnskey.slice(4, 6) + dnskey.slice(8)) as Rdata;
}

test('the delete forms of CDS and CDNSKEY are those of RFC 8078 §4', () => {
  expect(deleteCds).toBe(rdataOf('CDS', '0 0 0 00'));
  expect(deleteCdnskey).toBe(rdataOf('CDNSKEY', '0 3 0 AA=='));
});

test('a DS has the digest over the canonical owner', () => {
  const { dnskey } = zoneKey('csk', 13, pemOf(p256()));
  expect(composeDs(parseName('A.Example.'), dnskey, 2)).toBe(composeDs(parseName('a.example.'), dnskey, 2));
});

test('a DS names a DNSKEY by key tag, algorithm and digest together', () => {
  const owner = parseName('a.example.');
  const { dnskey } = zoneKey('csk', 13, pemOf(p256()));
  const ds = composeDs(owner, dnskey, 4);
  const changed = (at: number) =>
    (ds.slice(0, at) + String.fromCharCode(ds.charCodeAt(at) ^ 1) + ds.slice(at + 1)) as Rdata;
  expect(dsMatches(ds, parseName('A.example.'), dnskey)).toBe(true);
  for (const at of [0, 1, 2, 3, 4, ds.length - 1]) expect(dsMatches(changed(at), owner, dnskey)).toBe(false);
  expect(dsMatches(ds, parseName('b.example.'), dnskey)).toBe(false);
  expect(dsMatches(ds.slice(0, -1) as Rdata, owner, dnskey)).toBe(false);
});
