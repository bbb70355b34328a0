import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bytesFrom } from '#lib/octets.ts';
import { canonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { keyTagOf, parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { composeDs, type DigestType, dsMatches, parseDs } from '#dnssec/core/keys/ds.ts';
import { composeRrsigPrefix, parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import { composeSignedData } from '#dnssec/core/signing/signed-data.ts';
import { derToFixed, fixedToDer } from '#dnssec/core/signing/signature.ts';
import { verifySignature } from '#dnssec/core/signing/verify.ts';
import { findAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { canonical, rdataOf, recordsOf } from '#test/support/dns.ts';

const records = recordsOf(readFileSync('fixtures/vectors/dnssec-signatures.zone', 'utf8'));
const dnskeys = records.filter((record) => record.type === rrTypes.DNSKEY);

/** The records that stand between one DNSKEY and the next belong to it. */
const blocks = dnskeys.map((dnskey, index) => {
  const next = dnskeys[index + 1];
  const block = records.slice(records.indexOf(dnskey), next === undefined ? undefined : records.indexOf(next));
  return { algorithm: parseDnskey(dnskey.rdata).algorithm, dnskey, block };
});

const signedBlock = (algorithm: number) => {
  const found = blocks.find((block) => block.algorithm === algorithm);
  const rrsig = found?.block.find((record) => record.type === rrTypes.RRSIG);
  const data = found?.block.find(
    (record) => rrsig !== undefined && record.type === parseRrsig(rrsig.rdata).typeCovered,
  );
  if (found === undefined || rrsig === undefined || data === undefined)
    throw new Error(`no vector of algorithm ${algorithm}`);
  const fields = parseRrsig(rrsig.rdata);
  const signedData = composeSignedData(
    composeRrsigPrefix(fields),
    canonicalName(data.owner),
    data.type,
    fields.originalTtl,
    [data.rdata],
  );
  return { dnskey: found.dnskey.rdata, fields, signedData };
};

describe.each([13, 14, 15, 8, 10])('the printed signature of algorithm %i', (algorithm) => {
  const { dnskey, fields, signedData } = signedBlock(algorithm);

  test('verifies over the signed data that we compose', () => {
    expect(verifySignature(dnskey, signedData, bytesFrom(fields.signature))).toBe(true);
  });

  test('names the key by the tag that we compute', () => {
    expect(keyTagOf(dnskey)).toBe(fields.keyTag);
  });

  test('does not verify when any bit of the data or the signature is flipped', () => {
    const signature = bytesFrom(fields.signature);
    for (let bit = 0; bit < signedData.length * 8; bit += 7)
      expect(verifySignature(dnskey, flipped(signedData, bit), signature)).toBe(false);
    for (let bit = 0; bit < signature.length * 8; bit += 13)
      expect(verifySignature(dnskey, signedData, flipped(signature, bit))).toBe(false);
  });

  test('its public key survives the way to a KeyObject and back', () => {
    const codec = findAlgorithm(algorithm)?.publicKey;
    const { publicKey } = parseDnskey(dnskey);
    expect(codec?.compose(codec.parse(publicKey))).toBe(publicKey);
  });
});

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >>> 3] = (copy[bit >>> 3] as number) ^ (0x80 >>> (bit & 7));
  return copy;
}

test('the Ed25519 signature of RFC 8080 §6.1 reproduces octet for octet', () => {
  const { fields, signedData } = signedBlock(15);
  const seed = Buffer.from('ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=', 'base64');
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  expect(sign(null, signedData, key).toString('latin1')).toBe(fields.signature);
});

describe('DS records', () => {
  test.each(blocks.filter(({ block }) => block.some((record) => record.type === rrTypes.DS)))(
    'of algorithm $algorithm reproduce',
    ({ dnskey, block }) => {
      const ds = block.find((record) => record.type === rrTypes.DS) as { rdata: Rdata };
      expect(composeDs(dnskey.owner, dnskey.rdata, parseDs(ds.rdata).digestType as DigestType)).toBe(ds.rdata);
    },
  );

  const old = rdataOf(
    'DNSKEY',
    '256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==',
  );

  test('the SHA-256 one of RFC 4509 §2.3 reproduces, its owner in any case', () => {
    const printed = rdataOf('DS', '60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A');
    expect(composeDs(canonical('dskey.example.com.'), old, 2)).toBe(printed);
    expect(dsMatches(printed, canonical('DSKEY.Example.com.'), old)).toBe(true);
    expect(dsMatches(printed, canonical('other.example.com.'), old)).toBe(false);
  });

  test('the SHA-1 one of RFC 4034 §5.4 is recognised, and never made', () => {
    const printed = rdataOf('DS', '60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118');
    expect(dsMatches(printed, canonical('dskey.example.com.'), old)).toBe(true);
  });
});

describe('ECDSA signatures of RFC 6979 §A.2.5', () => {
  const publicKey =
    '60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB67903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299';
  const dnskey = rdataOf('DNSKEY', `257 3 13 ${Buffer.from(publicKey, 'hex').toString('base64')}`);

  test.each([
    [
      'sample',
      'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8',
    ],
    [
      'test',
      'F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083',
    ],
  ])('over "%s" verifies, and survives DER', (message, hex) => {
    const fixed = new Uint8Array(Buffer.from(hex, 'hex'));
    expect(verifySignature(dnskey, new TextEncoder().encode(message), fixed)).toBe(true);
    expect(derToFixed(fixedToDer(fixed, 32), 32)).toEqual(fixed);
  });
});

test('the Ed25519 signature of RFC 8032 §7.1, test 2, verifies', () => {
  const dnskey = rdataOf(
    'DNSKEY',
    `257 3 15 ${Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex').toString('base64')}`,
  );
  const signature = Buffer.from(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    'hex',
  );
  expect(verifySignature(dnskey, new Uint8Array([0x72]), signature)).toBe(true);
});
