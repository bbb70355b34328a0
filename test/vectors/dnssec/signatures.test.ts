import { createECDH, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
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
import { derToFixed, fixedToDer } from '#dnssec/core/signing/ecdsa-der.ts';
import { verifySignature } from '#dnssec/core/signing/verify.ts';
import { algorithms, getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { composeZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { canonical, hexOf, rdataOf, recordsOf } from '#test/support/dns.ts';

const records = recordsOf(readFileSync('fixtures/vectors/dnssec-signatures.zone', 'utf8'));
const dnskeys = records.filter((record) => record.type === rrTypes.DNSKEY);

/** The records that stand between one DNSKEY and the next belong to it. */
const blocks = dnskeys.map((dnskey, index) => {
  const next = dnskeys[index + 1];
  const block = records.slice(records.indexOf(dnskey), next === undefined ? undefined : records.indexOf(next));
  return { algorithm: parseDnskey(dnskey.rdata).algorithm, dnskey, block };
});

const signedBlocks = blocks.map(({ algorithm, dnskey, block }) => {
  const rrsig = block.find((record) => record.type === rrTypes.RRSIG);
  const data = block.find((record) => rrsig !== undefined && record.type === parseRrsig(rrsig.rdata).typeCovered);
  if (rrsig === undefined || data === undefined) throw new Error(`a vector of algorithm ${algorithm} is not whole`);
  const fields = parseRrsig(rrsig.rdata);
  const owner = canonicalName(data.owner);
  const prefix = composeRrsigPrefix(fields);
  const signedData = composeSignedData(prefix, owner, data.type, fields.originalTtl, [data.rdata]);
  return { algorithm, keyTag: fields.keyTag, dnskey: dnskey.rdata, fields, signedData };
});

test('there is a printed signature of every algorithm', () => {
  expect(new Set(signedBlocks.map((block) => block.algorithm))).toEqual(new Set(algorithms.map((row) => row.number)));
});

describe.each(signedBlocks)(
  'the printed signature of algorithm $algorithm by key $keyTag',
  ({ dnskey, fields, signedData }) => {
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
  },
);

const rsaAlgorithms = new Set([8, 10]);

test.each(signedBlocks.filter(({ algorithm }) => !rsaAlgorithms.has(algorithm)))(
  'the public key $keyTag of algorithm $algorithm survives the way to a KeyObject and back',
  ({ algorithm, dnskey }) => {
    const codec = getAlgorithm(algorithm).publicKey;
    const { publicKey } = parseDnskey(dnskey);
    expect(codec.compose(codec.parse(publicKey))).toBe(publicKey);
  },
);

test.each(signedBlocks.filter(({ algorithm }) => rsaAlgorithms.has(algorithm)))(
  'the RSA key $keyTag is long enough to verify what it signed, and too short to sign anew',
  ({ algorithm, dnskey }) => {
    const codec = getAlgorithm(algorithm).publicKey;
    const key = codec.parse(parseDnskey(dnskey).publicKey);
    expect(() => codec.compose(key)).toThrow(`the RSA key has ${key.asymmetricKeyDetails?.modulusLength} bits`);
  },
);

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >>> 3] = (copy[bit >>> 3] as number) ^ (0x80 >>> (bit & 7));
  return copy;
}

interface PrivateKeys {
  /** Ed25519 seeds in base64, by key tag. */
  readonly seeds: Readonly<Record<string, string>>;
  /** The two primes of RSA keys in base64, by key tag. */
  readonly primes: Readonly<Record<string, readonly [string, string]>>;
  readonly ed25519: readonly Readonly<Record<'name' | 'seed' | 'publicKey' | 'message' | 'signature', string>>[];
}

const privateKeys = JSON.parse(readFileSync('fixtures/vectors/dnssec-private-keys.json', 'utf8')) as PrivateKeys;

function ed25519Key(seed: Buffer): KeyObject {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
}

const integerOf = (base64: string): bigint => BigInt(`0x${Buffer.from(base64, 'base64').toString('hex')}`);
const base64UrlOf = (value: bigint): string => {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
};

/** The inverse by Euclid's extended algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [rest, next, factor, nextFactor] = [modulus, value % modulus, 0n, 1n];
  while (next !== 0n) {
    const quotient = rest / next;
    [rest, next] = [next, rest - quotient * next];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  return ((factor % modulus) + modulus) % modulus;
}

function rsaKey(primes: readonly [string, string]): KeyObject {
  const [p, q] = primes.map(integerOf) as [bigint, bigint];
  const e = 65_537n;
  const d = inverse(e, (p - 1n) * (q - 1n));
  const numbers = { n: p * q, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  const encoded = Object.entries(numbers).map(([name, value]) => [name, base64UrlOf(value)]);
  return createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(encoded) }, format: 'jwk' });
}

describe('signatures of deterministic algorithms reproduce octet for octet', () => {
  test.each(signedBlocks.filter(({ algorithm }) => [8, 10, 15].includes(algorithm)))(
    'by key $keyTag of algorithm $algorithm',
    ({ algorithm, keyTag, fields, signedData }) => {
      const primes = privateKeys.primes[keyTag];
      const key =
        primes === undefined ? ed25519Key(Buffer.from(privateKeys.seeds[keyTag] ?? '', 'base64')) : rsaKey(primes);
      expect(sign(getAlgorithm(algorithm).digest, signedData, key).toString('latin1')).toBe(fields.signature);
    },
  );

  test.each(privateKeys.ed25519)('of RFC 8032 §7.1, $name', ({ seed, publicKey, message, signature }) => {
    const key = ed25519Key(Buffer.from(seed, 'hex'));
    const exported = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
    const { dnskey } = composeZoneKey('csk', getAlgorithm(15), exported, { keyId: 'k', version: 1 });
    expect(hexOf(parseDnskey(dnskey).publicKey)).toBe(publicKey);
    const input = Buffer.from(message, 'hex');
    expect(sign(null, input, key).toString('hex')).toBe(signature);
    expect(verifySignature(dnskey, input, Buffer.from(signature, 'hex'))).toBe(true);
  });
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

  test('are by the key whose DNSKEY holds Ux‖Uy', () => {
    const pair = createECDH('prime256v1');
    pair.setPrivateKey('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721', 'hex');
    const point = pair.getPublicKey();
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: point.toString('base64url', 1, 33),
      y: point.toString('base64url', 33),
    };
    const exported = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
    expect(composeZoneKey('csk', getAlgorithm(13), exported, { keyId: 'k', version: 1 }).dnskey).toBe(dnskey);
  });

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
