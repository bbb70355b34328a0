import { describe, expect, test } from 'vitest';
import type { Octets } from '#lib/octets.ts';
import { octetsFrom } from '#lib/octets.ts';
import { decodeHex } from '#lib/encoding.ts';
import { formatName } from '#dns/name.ts';
import { parseRRType } from '#dns/rr-type.ts';
import { canonicalRdata, formatRdata, namesInRdata, rdataFromWire } from '#dns/rdata/rdata.ts';
import { hexOf, rdataOf } from '#test/support/dns.ts';

/** Type, text as written, text as printed where it differs, and wire form; wire forms were checked with BIND's named-rrchecker. */
const examples: readonly (readonly [type: string, text: string, printed: string, wire: string])[] = [
  ['A', '192.0.2.1', '192.0.2.1', 'c0000201'],
  ['AAAA', '2001:DB8:0:0:1::1', '2001:db8::1:0:0:1', '20010db8000000000001000000000001'],
  ['AAAA', '::ffff:192.0.2.1', '::ffff:c000:201', '00000000000000000000ffffc0000201'],
  ['AAAA', '::', '::', '00'.repeat(16)],
  ['NS', 'NS1', 'NS1.example.', '034e5331076578616d706c6500'],
  ['MX', '10 .', '10 .', '000a00'],
  ['TXT', '"a b" c "\\"\\\\\\000"', '"a b" "c" "\\"\\\\\\000"', '036120620163' + '03225c00'],
  ['TXT', '""', '""', '00'],
  ['HINFO', 'PDP-11 RSX', '"PDP-11" "RSX"', '065044502d313103525358'],
  ['SRV', '0 5 5060 sip', '0 5 5060 sip.example.', '0000000513c4' + '03736970076578616d706c6500'],
  [
    'SOA',
    'ns. host. 1 2h 30m 1w 1d',
    'ns. host. 1 7200 1800 604800 86400',
    '026e730004686f73740000000001' + '00001c200000070800093a8000015180',
  ],
  ['CAA', '128 issue "ca.example"', '128 issue "ca.example"', '8005697373756563612e6578616d706c65'],
  [
    'DS',
    '60485 RSASHA1 1 2BB183AF 5F22588179A53B0A98631FAD1A292118',
    '60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118',
    'ec4505012bb183af5f22588179a53b0a98631fad1a292118',
  ],
  ['CDS', '0 0 0 00', '0 0 0 00', '0000000000'],
  ['CDNSKEY', '0 3 0 AA==', '0 3 0 AA==', '0000030000'],
  ['DNSKEY', '257 3 ED25519 AQID', '257 3 15 AQID', '0101030f010203'],
  [
    'RRSIG',
    'A 13 2 300 20260101000000 1764547200 7 Example. AQI=',
    'A 13 2 300 20260101000000 20251201000000 7 Example. AQI=',
    '00010d020000012c6955b900692cda800007' + '074578616d706c6500' + '0102',
  ],
  [
    'NSEC',
    'Host A MX TYPE1234',
    'Host.example. A MX TYPE1234',
    '04486f7374076578616d706c65000002400104' + '1b' + '00'.repeat(26) + '20',
  ],
  [
    'NSEC3',
    '1 1 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A',
    '1 1 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A',
    '0101000000141' + '74eb2409fe28bcb4887a1836f957f0a8425e27b000140',
  ],
  ['NSEC3PARAM', '1 0 12 aabbccdd', '1 0 12 AABBCCDD', '0100000c04aabbccdd'],
  ['TLSA', '3 1 1 0A0B', '3 1 1 0A0B', '0301010a0b'],
  ['SSHFP', '4 2 0A0B', '4 2 0A0B', '04020a0b'],
  [
    'NAPTR',
    '100 10 U E2U+sip "!^.*$!x!" .',
    '100 10 "U" "E2U+sip" "!^.*$!x!" .',
    '0064000a0155074532552b73697008215e2e2a24217821' + '00',
  ],
  [
    'LOC',
    '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m',
    '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m',
    '000016138b3cf018810cbce0009895b8',
  ],
  ['LOC', '1 S 1 W 0', '1 0 0.000 S 1 0 0.000 W 0.00m 1.00m 10000.00m 10.00m', '001216137fc911807fc9118000989680'],
  ['URI', '10 1 "ftp://a"', '10 1 "ftp://a"', '000a00016674703a2f2f61'],
  ['EUI48', '00-00-5E-00-53-2a', '00-00-5e-00-53-2a', '00005e00532a'],
  ['EUI64', '00-00-5e-ef-10-00-00-2a', '00-00-5e-ef-10-00-00-2a', '00005eef1000002a'],
  ['CSYNC', '66 3 A NS', '66 3 A NS', '000000420003000160'],
  ['ZONEMD', '2018031500 1 1 AABB', '2018031500 1 1 AABB', '7848b78c0101aabb'],
  ['IPSECKEY', '10 1 2 192.0.2.38 AQID', '10 1 2 192.0.2.38 AQID', '0a0102c0000226010203'],
  ['IPSECKEY', '10 0 2 .', '10 0 2 .', '0a0002'],
  ['HIP', '2 2001 AQID Rvs', '2 2001 AQID Rvs.example.', '0202000320010102030352' + '7673076578616d706c6500'],
  ['CERT', 'PKIX 1 RSASHA256 AQID', '1 1 8 AQID', '0001000108010203'],
  [
    'SIG',
    'A 13 2 300 20260101000000 20251201000000 7 Example. AQI=',
    'A 13 2 300 20260101000000 20251201000000 7 Example. AQI=',
    '00010d020000012c6955b900692cda800007' + '074578616d706c6500' + '0102',
  ],
  ['KEY', '512 3 8 AQID', '512 3 8 AQID', '02000308010203'],
  ['KEY', '49152 3 0', '49152 3 0', 'c0000300'],
  ['NSEC', 'a. A RESINFO DLV', 'a. A TYPE261 TYPE32769', '016100' + '000140' + '010104' + '80014' + '0'],
  ['TYPE65280', '\\# 3 abCDef', '\\# 3 ABCDEF', 'abcdef'],
  ['TYPE65280', '\\# 0', '\\# 0', ''],
];

describe('one schema gives text, wire and back', () => {
  test.each(examples)('%s %s', (type, text, printed, wire) => {
    const rdata = rdataOf(type, text);
    expect(hexOf(rdata)).toBe(wire);
    expect(formatRdata(parseRRType(type), rdata)).toBe(printed);
    expect(rdataOf(type, printed)).toBe(rdata);
    expect(rdataOf(type, `\\# ${rdata.length} ${wire}`)).toBe(rdata);
  });
});

describe('octets that no text of the type stands for are printed as \\# (RFC 3597 §5)', () => {
  test.each([
    ['a size of LOC with a power of ten and no digit', 'LOC', '00071613' + '8b3cf018' + '810cbce0' + '009895b8'],
    ['a latitude above 90°', 'LOC', '00121613' + '00000000' + '810cbce0' + '009895b8'],
    ['a longitude above 180°', 'LOC', '00121613' + '8b3cf018' + 'ffffffff' + '009895b8'],
    ['a next domain of old', 'NXT', '0161000140'],
    ['an address with a named prefix', 'A6', '40' + '0123456789abcdef' + '016100'],
    ['an address without a prefix', 'A6', '00' + '01'.repeat(16)],
  ])('%s', (_, type, wire) => {
    const rdata = rdataOf(type, `\\# ${wire.length / 2} ${wire}`);
    const text = formatRdata(parseRRType(type), rdata);
    expect(text).toBe(`\\# ${wire.length / 2} ${wire.toUpperCase()}`);
    expect(rdataOf(type, text)).toBe(rdata);
  });

  test('an obsolete type has no other form', () => {
    expect(() => rdataOf('A6', '0 ::1')).toThrow('write its RDATA as \\# length hex');
  });
});

describe('canonical form (RFC 4034 §6.2, RFC 6840 §5.1, RFC 3597 §7)', () => {
  const lowerCased: readonly (readonly [string, string])[] = [
    ['NS', 'A.B.'],
    ['CNAME', 'A.B.'],
    ['SOA', 'A.B. C.D. 1 2 3 4 5'],
    ['PTR', 'A.B.'],
    ['MX', '1 A.B.'],
    ['RP', 'A.B. C.D.'],
    ['AFSDB', '1 A.B.'],
    ['SRV', '1 2 3 A.B.'],
    ['NAPTR', '1 2 "U" "X" "Y" A.B.'],
    ['KX', '1 A.B.'],
    ['DNAME', 'A.B.'],
    ['RRSIG', 'A 13 2 300 1 1 7 A.B. AQI='],
    ['SIG', 'A 13 2 300 1 1 7 A.B. AQI='],
  ];
  test.each(lowerCased)('names in %s are lower-cased', (type, text) => {
    const lower = text.replaceAll(/\b[A-D]\.[BD]\./g, (name) => name.toLowerCase());
    expect(canonicalRdata(parseRRType(type), rdataOf(type, text))).toBe(rdataOf(type, lower));
  });

  test.each([
    ['NSEC', 'A.B. A'],
    ['HINFO', '"A" "B"'],
    ['SVCB', '1 A.B. alpn=H2'],
    ['HTTPS', '1 A.B.'],
    ['IPSECKEY', '10 3 2 A.B. AQID'],
    ['HIP', '2 2001 AQID A.B.'],
    ['TXT', '"A"'],
    ['LP', '1 A.B.'],
    ['DSYNC', 'CDS NOTIFY 53 A.B.'],
    ['TYPE65280', '\\# 3 014100'],
  ])('%s keeps its case', (type, text) => {
    const rdata = rdataOf(type, text);
    expect(canonicalRdata(parseRRType(type), rdata)).toBe(rdata);
  });

  test('a listed type in the unknown form is lower-cased too', () => {
    expect(canonicalRdata(2, rdataOf('NS', '\\# 3 014100'))).toBe(rdataOf('NS', 'a.'));
  });

  test('so are the obsolete ones, and nothing beside their names', () => {
    expect(canonicalRdata(30, rdataOf('NXT', '\\# 5 0141004142'))).toBe(rdataOf('NXT', '\\# 5 0161004142'));
    const suffix = '41'.repeat(8);
    expect(canonicalRdata(38, rdataOf('A6', `\\# 12 40${suffix}014100`))).toBe(
      rdataOf('A6', `\\# 12 40${suffix}016100`),
    );
  });

  test('strings beside names keep their case', () => {
    expect(canonicalRdata(35, rdataOf('NAPTR', '1 2 "U" "X" "Y" A.'))).toBe(rdataOf('NAPTR', '1 2 "U" "X" "Y" a.'));
  });
});

describe('bad RDATA names what was expected', () => {
  test.each([
    ['A', '192.0.2.256', 'an IPv4 address'],
    ['A', '192.0.2.1 x', 'the end of the A record'],
    ['AAAA', '2001:db8::1%eth0', 'an IPv6 address'],
    ['MX', 'ten mail', 'a preference'],
    ['MX', '10', 'the record ends where a domain name was expected'],
    ['MX', '65536 mail', 'a number up to 65535'],
    ['TXT', `"${'x'.repeat(256)}"`, 'at most 255 fit'],
    ['TXT', '"\\256"', 'above 255'],
    ['SOA', 'a. b. 1 2 3 4', 'the record ends where the negative TTL'],
    ['DS', '1 13 2 ABC', 'a digest in hex'],
    ['DNSKEY', '257 3 13 A===', 'a public key in base64'],
    ['DNSKEY', '257 3 13', 'a public key in base64'],
    ['RRSIG', 'A 13 2 300 20261301000000 1 7 example. AQI=', 'a time (YYYYMMDDHHmmSS or seconds)'],
    ['NSEC', 'host. A ANY', 'an RR type that a zone can hold'],
    ['NSEC3', '1 0 0 - w A', 'a hashed owner name in base32hex'],
    ['CAA', '0 is-sue "x"', 'letters and digits only'],
    ['LOC', '91 N 4 E 0m', 'degrees up to 90'],
    ['IPSECKEY', '10 4 2 . AQID', 'gateway type 4 is not known'],
    ['TYPE65280', 'x', 'write its RDATA as \\# length hex'],
    ['TYPE65280', '\\# 2 aa', '\\# says 2 octets and 1 follow'],
    ['A', '\\# 3 c00002', 'needs 4 octets, 3 are left'],
    ['A', '\\# 5 c000020101', '1 octets follow the end of the A RDATA'],
    ['NS', '\\# 2 c00c', 'not compressed'],
    ['SVCB', '1 . alpn=h2 alpn=h3', 'alpn stands twice'],
    ['SVCB', '\\# 11 0001000003000000010000', 'port has 0 octets, not 2'],
    ['SVCB', '\\# 9 000100010001000000', ''],
  ])('%s %s', (type, text, expected) => {
    expect(() => rdataOf(type, text)).toThrow(expected);
  });

  test('wire form that no schema fits is refused', () => {
    expect(() => rdataFromWire(parseRRType('TXT'), octetsFrom(decodeHex('0561') as Uint8Array))).toThrow('cut short');
    expect(() => rdataFromWire(parseRRType('TXT'), 'x'.repeat(65_536) as Octets)).toThrow('at most 65535 fit');
  });
});

test('the names that RDATA points to are found', () => {
  const names = namesInRdata(parseRRType('SOA'), rdataOf('SOA', 'ns. host. 1 2 3 4 5')).map(formatName);
  expect(names).toEqual(['ns.', 'host.']);
  expect(namesInRdata(parseRRType('TXT'), rdataOf('TXT', 'a.b.'))).toEqual([]);
});
