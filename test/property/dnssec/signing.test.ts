import { generateKeyPairSync, sign } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeHex } from '#lib/encoding.ts';
import { bytesFrom, joinOctets, octetsFrom, type Octets, uint32 } from '#lib/octets.ts';
import { parseName } from '#dns/name.ts';
import { canonicalRdata, parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { algorithms, getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import { composeDnskey, dnskeyFlags, keyTagOf, parseDnskey, revokedDnskey } from '#dnssec/core/keys/dnskey.ts';
import { composeRrsigPrefix, parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import { composeSignedData } from '#dnssec/core/signing/signed-data.ts';
import { derToFixed, fixedToDer } from '#dnssec/core/signing/ecdsa-der.ts';
import { assertValidityPolicy, validityOf } from '#dnssec/core/signing/validity.ts';
import { verifySignature } from '#dnssec/core/signing/verify.ts';
import { isSerialGreater } from '#dns/serial.ts';
import { canonical } from '#test/support/dns.ts';

const widths = fc.constantFrom(32, 48, 66);

/** A positive integer of at most `width` octets; short ones and those with the top bit set come often. */
const integer = (width: number) =>
  fc
    .tuple(fc.integer({ min: 1, max: width }), fc.constantFrom(0x01, 0x7f, 0x80, 0xff), fc.infiniteStream(fc.nat(255)))
    .map(([length, first, rest]) => {
      const octets = new Uint8Array(width);
      octets[width - length] = first;
      for (let index = width - length + 1; index < width; index++) octets[index] = rest.next().value as number;
      return octets;
    });
const fixedSignature = widths.chain((width) =>
  fc.tuple(integer(width), integer(width)).map(([r, s]) => ({ width, fixed: Uint8Array.from([...r, ...s]) })),
);

/** The DER of an ECDSA-Sig-Value by plain rules: minimal two's complement, definite lengths. */
function plainDer(fixed: Uint8Array, width: number): string {
  const integerOf = (octets: Uint8Array) => {
    const digits = BigInt(`0x${encodeHex(octets)}`).toString(16);
    const even = digits.padStart(digits.length + (digits.length % 2), '0');
    const value = Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even;
    return `02${(value.length / 2).toString(16).padStart(2, '0')}${value}`;
  };
  const content = integerOf(fixed.subarray(0, width)) + integerOf(fixed.subarray(width));
  const length = content.length / 2;
  return `30${length < 0x80 ? '' : '81'}${length.toString(16).padStart(2, '0')}${content}`;
}

describe('ECDSA signatures', () => {
  test('go from r‖s to the one DER and back, short integers included', () => {
    fc.assert(
      fc.property(fixedSignature, ({ width, fixed }) => {
        const der = fixedToDer(fixed, width);
        expect(encodeHex(der)).toBe(plainDer(fixed, width));
        expect(derToFixed(der, width)).toEqual(fixed);
      }),
      { numRuns: 1000 },
    );
  });

  test('have no second DER: what is read is what would be written, all else is refused', () => {
    const change = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), at: fc.nat(140), to: fc.nat(255) }),
      fc.record({ kind: fc.constant('insert' as const), at: fc.nat(140), to: fc.nat(255) }),
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat(140), to: fc.constant(0) }),
    );
    const counts = { refused: 0, taken: 0 };
    /** What comes of octets: the DER that would be written of what was read, or the code of the error. */
    const outcomeOf = (der: Uint8Array, width: number): string => {
      try {
        const written = encodeHex(fixedToDer(derToFixed(der, width), width));
        counts.taken += 1;
        return written;
      } catch (error) {
        counts.refused += 1;
        return error instanceof DnssecError ? error.code : 'another error';
      }
    };
    fc.assert(
      fc.property(fixedSignature, change, ({ width, fixed }, { kind, at, to }) => {
        const octets = [...fixedToDer(fixed, width)];
        octets.splice(at, kind === 'insert' ? 0 : 1, ...(kind === 'cut' ? [] : [to]));
        const der = Uint8Array.from(octets);
        expect(['signature-invalid', encodeHex(der)]).toContain(outcomeOf(der, width));
      }),
      { numRuns: 3000 },
    );
    expect(counts.refused).toBeGreaterThan(100);
    expect(counts.taken).toBeGreaterThan(100);
  });

  test('of node:crypto verify after the way through r‖s, whatever their length in DER', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const algorithm = getAlgorithm(13);
    const dnskey = composeDnskey({
      flags: 257,
      protocol: 3,
      algorithm: 13,
      publicKey: algorithm.publicKey.compose(publicKey),
    });
    const short: { data: Uint8Array; fixed: Uint8Array }[] = []; // r or s has a leading zero octet: once in 128
    for (let index = 0; index < 1500 || (short.length === 0 && index < 50_000); index++) {
      const data = bytesFrom(uint32(index));
      const der = sign('sha256', data, privateKey);
      const fixed = derToFixed(der, 32);
      expect(fixedToDer(fixed, 32)).toEqual(new Uint8Array(der));
      if (fixed[0] === 0 || fixed[32] === 0) short.push({ data, fixed });
    }
    expect(short.length).toBeGreaterThan(0);
    for (const { data, fixed } of short) expect(verifySignature(dnskey, data, fixed)).toBe(true);
  });
});

describe('key tags', () => {
  const dnskeys = fc.record({
    flags: fc.constantFrom(256, 257),
    protocol: fc.constant(3),
    algorithm: fc.constantFrom(...algorithms.map((algorithm) => algorithm.number)),
    publicKey: fc.uint8Array({ minLength: 1, maxLength: 600 }).map((bytes) => octetsFrom(bytes)),
  });

  /** RFC 4034 appendix B in its own words: add 16-bit words with the carries folded in once. */
  function plainTag(rdata: Rdata): number {
    const padded = rdata.length % 2 === 0 ? rdata : `${rdata}\0`;
    let sum = 0;
    for (let at = 0; at < padded.length; at += 2) sum += padded.charCodeAt(at) * 256 + padded.charCodeAt(at + 1);
    return (sum + Math.floor(sum / 0x10000)) % 0x10000;
  }

  test('are the folded sum of the RDATA as 16-bit words', () => {
    fc.assert(
      fc.property(dnskeys, (dnskey) => {
        const rdata = composeDnskey(dnskey);
        expect(keyTagOf(rdata)).toBe(plainTag(rdata));
        expect(parseDnskey(rdata)).toEqual(dnskey);
      }),
    );
  });

  test('of a key and of its revoked form differ', () => {
    fc.assert(
      fc.property(dnskeys, (dnskey) => {
        const rdata = composeDnskey(dnskey);
        const revoked = revokedDnskey(rdata);
        expect(keyTagOf(revoked)).not.toBe(keyTagOf(rdata));
        expect(parseDnskey(revoked)).toEqual({ ...dnskey, flags: dnskey.flags | dnskeyFlags.revoked });
        expect(revokedDnskey(revoked)).toBe(revoked);
      }),
    );
  });
});

describe('signed data', () => {
  const label = fc.string({
    unit: fc.constantFrom('a', 'A', 'b', 'B', 'z', 'Z', '0', '1', '9', '-'),
    minLength: 1,
    maxLength: 8,
  });
  const host = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => `${labels.join('.')}.`);
  const rrset = fc.oneof(
    fc.tuple(fc.constant(rrTypes.NS), fc.array(host, { minLength: 1, maxLength: 6 })),
    fc.tuple(
      fc.constant(rrTypes.MX),
      fc.array(
        fc.tuple(fc.nat(3), host).map(([preference, name]) => `${preference} ${name}`),
        { minLength: 1, maxLength: 6 },
      ),
    ),
    fc.tuple(
      fc.constant(rrTypes.TXT),
      fc.array(
        label.map((text) => `"${text}"`),
        { minLength: 1, maxLength: 6 },
      ),
    ),
    fc.tuple(
      fc.constant(rrTypes.AAAA),
      fc.array(
        fc.nat(0xffff).map((part) => `2001:db8::${part.toString(16)}`),
        { minLength: 1, maxLength: 6 },
      ),
    ),
  );
  const parsed = rrset.map(([type, texts]) => ({ type, rdatas: texts.map((text) => parseRdataText(type, text)) }));
  const prefix = 'prefix' as Octets;
  const owner = canonical('www.example.');
  const dataOf = (type: RRType, rdatas: readonly Rdata[]) =>
    encodeHex(composeSignedData(prefix, owner, type, 300, rdatas));

  test('are the same in whatever order the records come, and however often', () => {
    const shuffled = parsed.chain(({ type, rdatas }) =>
      fc
        .tuple(
          fc.shuffledSubarray([...rdatas, ...rdatas], { minLength: 2 * rdatas.length, maxLength: 2 * rdatas.length }),
        )
        .map(([other]) => ({ type, rdatas, other })),
    );
    fc.assert(
      fc.property(shuffled, ({ type, rdatas, other }) => {
        expect(dataOf(type, other)).toBe(dataOf(type, rdatas));
      }),
    );
  });

  test('are the same in whatever case the names of NS and MX are, and only of those', () => {
    const swapCase = (rdata: Rdata) =>
      rdata.replace(/[A-Za-z]/g, (letter) =>
        letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
      ) as Rdata;
    const withNames = parsed.filter(({ type }) => type === rrTypes.NS || type === rrTypes.MX);
    fc.assert(
      fc.property(withNames, ({ type, rdatas }) => {
        expect(dataOf(type, rdatas.map(swapCase))).toBe(dataOf(type, rdatas));
      }),
    );
    const text = parseRdataText(rrTypes.TXT, '"Case"');
    expect(dataOf(rrTypes.TXT, [swapCase(text)])).not.toBe(dataOf(rrTypes.TXT, [text]));
  });

  test('are the prefix and each record once in the order of its octets', () => {
    fc.assert(
      fc.property(parsed, ({ type, rdatas }) => {
        const unique = [...new Set(rdatas.map((rdata) => encodeHex(bytesFrom(canonicalRdata(type, rdata)))))];
        const head = encodeHex(bytesFrom(owner)) + type.toString(16).padStart(4, '0') + '0001' + '0000012c';
        const records = unique
          .toSorted((left, right) => (left < right ? -1 : 1))
          .map((rdata) => head + (rdata.length / 2).toString(16).padStart(4, '0') + rdata);
        expect(dataOf(type, rdatas)).toBe(encodeHex(bytesFrom(prefix)) + records.join(''));
      }),
    );
  });
});

test('RRSIG RDATA are read as they were composed', () => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const fields = fc.record({
    typeCovered: fc.nat(0xffff),
    algorithm: fc.nat(255),
    labels: fc.nat(127),
    originalTtl: u32,
    expiration: u32,
    inception: u32,
    keyTag: fc.nat(0xffff),
    signerName: fc.constantFrom('.', 'example.', 'A.Example.').map((text) => parseName(text)),
  });
  fc.assert(
    fc.property(fields, fc.uint8Array({ maxLength: 100 }), (wanted, bytes) => {
      const signature = octetsFrom(bytes);
      const rdata = joinOctets(composeRrsigPrefix(wanted), signature) as Rdata;
      expect(parseRrsig(rdata)).toEqual({ ...wanted, signature });
    }),
  );
});

test('a validity spans less than 2^31 s and lies around the time of signing, in serial arithmetic too', () => {
  const policies = fc
    .record({
      lifetime: fc.integer({ min: 2, max: 0x7ffffff0 }),
      inceptionOffset: fc.nat(0x7fffffff),
      jitter: fc.nat(0x7fffffff),
    })
    .filter(({ lifetime, inceptionOffset, jitter }) => jitter < lifetime && lifetime + inceptionOffset < 2 ** 31);
  const owners = fc.nat().map((number) => canonical(`h${number}.example.`));
  fc.assert(
    fc.property(policies, fc.nat(2 ** 33), owners, (policy, now, owner) => {
      assertValidityPolicy(policy);
      const { inception, expiration } = validityOf(policy, now, owner, rrTypes.A);
      const wrapped = now % 2 ** 32;
      expect(isSerialGreater(expiration, inception)).toBe(true);
      expect(isSerialGreater(expiration, wrapped)).toBe(true);
      expect(isSerialGreater(inception, wrapped)).toBe(false);
      expect((expiration - wrapped + 2 ** 32) % 2 ** 32).toBeLessThanOrEqual(policy.lifetime);
      expect((expiration - wrapped + 2 ** 32) % 2 ** 32).toBeGreaterThanOrEqual(policy.lifetime - policy.jitter);
    }),
  );
});
