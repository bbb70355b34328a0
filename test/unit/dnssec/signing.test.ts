import { describe, expect, test } from 'vitest';
import type { Octets } from '#lib/octets.ts';
import { encodeHex } from '#lib/encoding.ts';
import { pack } from '#lib/packed.ts';
import { canonicalName, parseName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { getZoneKeys } from '#dnssec/operations/zone-keys.ts';
import { signPlanned } from '#dnssec/operations/sign-planned.ts';
import { planRRset } from '#dnssec/core/signing/plan.ts';
import { composeRrsigPrefix, parseRrsig, rrsigLabels } from '#dnssec/core/signing/rrsig.ts';
import { canonicalRdatas, composeSignedData } from '#dnssec/core/signing/signed-data.ts';
import { derToFixed, fixedToDer } from '#dnssec/core/signing/ecdsa-der.ts';
import { fromKmsSignatures } from '#dnssec/core/signing/signature.ts';
import {
  assertClockAdvances,
  assertValidityPolicy,
  defaultValidity,
  validityOf,
} from '#dnssec/core/signing/validity.ts';
import { ZoneDigest } from '#dnssec/core/signing/zonemd.ts';
import { canonical, rdataOf } from '#test/support/dns.ts';
import { LocalSigner, localVerifier } from '#test/support/local-signer.ts';

const now = 1_764_547_200;

describe('signed data (RFC 4034 §3.1.8.1, §6)', () => {
  const dataOf = (type: string, texts: string[], owner = 'a.example.', ttl = 300) =>
    encodeHex(
      composeSignedData(
        'P' as Octets,
        canonical(owner),
        rrTypes[type as 'A'],
        ttl,
        texts.map((text) => rdataOf(type, text)),
      ),
    );

  test('is the prefix, then owner, type, class, original TTL, length and RDATA of each RR', () => {
    expect(dataOf('A', ['192.0.2.1'])).toBe(
      '50' + '0161076578616d706c6500' + '0001' + '0001' + '0000012c' + '0004' + 'c0000201',
    );
  });

  test('the original TTL has all its 32 bits', () => {
    expect(dataOf('A', ['192.0.2.1'], 'a.', 0x12345678)).toContain('0001' + '0001' + '12345678' + '0004');
  });

  test('owner and listed names are lower-cased, and nothing is compressed', () => {
    expect(dataOf('MX', ['10 MAIL.A.example.'], 'A.EXAMPLE.')).toBe(dataOf('MX', ['10 mail.a.example.']));
  });

  test('RRs sort by RDATA octets alone, a shorter one not before a smaller one', () => {
    const sorted = canonicalRdatas(
      rrTypes.TXT,
      ['"b"', '"aa"', '""', '"a" "z"'].map((text) => rdataOf('TXT', text)),
    );
    expect(sorted).toEqual(['""', '"a" "z"', '"b"', '"aa"'].map((text) => rdataOf('TXT', text)));
  });

  test('RRs that are equal once lower-cased count once', () => {
    expect(dataOf('NS', ['NS.example.', 'ns.example.'])).toBe(dataOf('NS', ['ns.example.']));
  });

  test('the published case is kept', () => {
    const rdatas = [rdataOf('NS', 'NS.Example.')];
    composeSignedData('' as Octets, canonical('a.'), rrTypes.NS, 1, rdatas);
    expect(rdatas).toEqual([rdataOf('NS', 'NS.Example.')]);
  });
});

describe('RRSIG fields (RFC 4034 §3.1)', () => {
  test('labels leave out the root and a leftmost asterisk only', () => {
    expect(
      ['.', 'example.', 'www.example.', '*.example.', 'a.*.example.', '\\*.example.'].map((text) =>
        rrsigLabels(canonical(text)),
      ),
    ).toEqual([0, 1, 2, 1, 3, 1]);
  });

  test('are read as they were composed', () => {
    const fields = {
      typeCovered: 65_280,
      algorithm: 13,
      labels: 2,
      originalTtl: 0xffffffff,
      expiration: 0xfffffffe,
      inception: 3,
      keyTag: 0,
      signerName: parseName('Example.'),
    };
    expect(parseRrsig((composeRrsigPrefix(fields) + 'sig') as never)).toEqual({ ...fields, signature: 'sig' });
  });
});

describe('validity (RFC 4034 §3.1.5)', () => {
  const owner = canonical('a.example.');

  test('the inception is backdated and the expiration jittered, the same each time', () => {
    const first = validityOf(defaultValidity, now, owner, rrTypes.A);
    expect(first.inception).toBe(now - 3600);
    expect(first.expiration).toBeLessThanOrEqual(now + defaultValidity.lifetime);
    expect(first.expiration).toBeGreaterThanOrEqual(now + defaultValidity.lifetime - defaultValidity.jitter);
    expect(validityOf(defaultValidity, now, owner, rrTypes.A)).toEqual(first);
  });

  test('the jitter spreads over its whole range', () => {
    const policy = { lifetime: 1000, inceptionOffset: 0, jitter: 9 };
    const seen = new Set(
      Array.from(
        { length: 500 },
        (_, index) => validityOf(policy, 0, canonical(`h${index}.example.`), rrTypes.A).expiration,
      ),
    );
    expect([...seen].toSorted((left, right) => left - right)).toEqual([
      991, 992, 993, 994, 995, 996, 997, 998, 999, 1000,
    ]);
  });

  test('times wrap around 2^32', () => {
    const policy = { lifetime: 1000, inceptionOffset: 10, jitter: 0 };
    expect(validityOf(policy, 2 ** 32 + 5, owner, rrTypes.A)).toEqual({ inception: 0xfffffffb, expiration: 1005 });
  });

  test('a span of 2^31 seconds or more is refused, and so is a validity that the jitter eats up', () => {
    assertValidityPolicy({ lifetime: 2 ** 31 - 2, inceptionOffset: 1, jitter: 0 });
    expect(() => assertValidityPolicy({ lifetime: 2 ** 31 - 1, inceptionOffset: 1, jitter: 0 })).toThrow(
      'less than 2^31',
    );
    expect(() => assertValidityPolicy({ lifetime: 100, inceptionOffset: 1, jitter: 100 })).toThrow(
      'must be longer than the jitter',
    );
  });

  test('a clock that went back past the last signing refuses to sign', () => {
    assertClockAdvances(now, undefined);
    assertClockAdvances(now, now);
    expect(() => assertClockAdvances(now, now + 1)).toThrow(expect.objectContaining({ code: 'signing-refused' }));
  });
});

describe('ECDSA signatures from DER (RFC 6605 §4)', () => {
  const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

  test('short integers are padded on the left and the sign octet is dropped', () => {
    expect(encodeHex(derToFixed(hex('3007 0201 05 0202 0080'), 32))).toBe(`${'00'.repeat(31)}05${'00'.repeat(31)}80`);
  });

  test.each([
    ['nothing', ''],
    ['another tag', '3107 0201 05 0202 0080'],
    ['a length too short', '3006 0201 05 0202 0080'],
    ['trailing octets', '3007 0201 05 0202 0080 00'],
    ['trailing octets within', '3008 0201 05 0202 0080 00'],
    ['a long form of a short length', '308107 0201 05 0202 0080'],
    ['an indefinite length', '3080 0201 05 0202 0080 0000'],
    ['a negative integer', '3006 0201 05 0201 80'],
    ['an integer with a needless zero', '3007 0201 05 0202 0005'],
    ['zero', '3006 0201 00 0201 05'],
    ['an empty integer', '3005 0200 0201 05'],
    ['an integer cut short', '3006 0201 05 0202 05'],
    ['one integer', '3003 0201 05'],
    ['an integer of 33 octets', `3026 0221 ${'11'.repeat(33)} 0201 05`],
  ])('%s is refused', (_, der) => {
    expect(() => derToFixed(hex(der), 32)).toThrow(expect.objectContaining({ code: 'signature-invalid' }));
  });

  test('the largest P-521 form is composed and read with a long length', () => {
    const fixed = new Uint8Array(132).fill(0xff);
    fixed[0] = fixed[66] = 1;
    expect(derToFixed(fixedToDer(fixed, 66), 66)).toEqual(fixed);
  });
});

describe('signatures of other algorithms', () => {
  async function keyOf(keyType: 'ed25519' | 'rsa-2048') {
    const signer = new LocalSigner();
    signer.add('k', keyType);
    const [key] = await getZoneKeys(signer, localVerifier, [{ keyId: 'k', role: 'csk' }]);
    if (key === undefined) throw new Error('the signer has no key');
    return key;
  }

  test.each([
    ['ed25519', 64],
    ['rsa-2048', 256],
  ] as const)('of %s keys pass as they are, and only with %i octets', async (keyType, octets) => {
    const key = await keyOf(keyType);
    const signatures = pack([new Uint8Array(octets).fill(7), new Uint8Array(octets).fill(8)]);
    expect(fromKmsSignatures(key, signatures)).toEqual(signatures);
    for (const wrong of [0, octets - 1, octets + 1]) {
      expect(() => fromKmsSignatures(key, pack([new Uint8Array(octets), new Uint8Array(wrong)]))).toThrow(
        expect.objectContaining({
          code: 'signature-invalid',
          message: expect.stringMatching(`has ${wrong} octets: one by DNSKEY ${key.keyTag} has ${octets}$`),
        }),
      );
    }
  });
});

test('a zone digest by a hash that is not known is refused, not made by another (RFC 8976 §2.2.3)', () => {
  expect(() => new ZoneDigest(canonical('example.'), 240)).toThrow(
    expect.objectContaining({ code: 'algorithm-unsupported' }),
  );
});

describe('what leaves the signer was verified', () => {
  const rrset = { owner: parseName('www.example.'), type: rrTypes.A, ttl: 300, rdatas: [rdataOf('A', '192.0.2.1')] };

  async function planFor(signer: LocalSigner, versions: number[]) {
    const keys = await getZoneKeys(signer, localVerifier, [{ keyId: 'k', role: 'csk', versions }]);
    const context = { apex: canonical('example.'), keys, validity: defaultValidity, now };
    return planRRset(context, canonicalName(rrset.owner), rrset);
  }

  test('an RRset gets one RRSIG by each key', async () => {
    const signer = new LocalSigner();
    signer.add('k', 'ecdsa-p256', 2);
    const [signed] = await signPlanned([await planFor(signer, [1, 2])], { signer, verifier: localVerifier });
    expect(signed?.rrsigs.map((rdata) => parseRrsig(rdata).typeCovered)).toEqual([rrTypes.A, rrTypes.A]);
  });

  test.each(['ecdsa-p256', 'ed25519', 'rsa-2048'] as const)(
    'a KMS that signs with another version of a %s key is found out',
    async (keyType) => {
      const signer = new LocalSigner();
      signer.add('k', keyType, 2);
      const planned = await planFor(signer, [1]);
      signer.signWithVersion = 2;
      await expect(signPlanned([planned], { signer, verifier: localVerifier })).rejects.toThrow(
        /www\.example\. A: the signature by KMS key k version 1 does not verify with DNSKEY \d+/,
      );
    },
  );

  test('a verifier that skips a check is no excuse', async () => {
    const signer = new LocalSigner();
    signer.add('k', 'ed25519');
    const planned = await planFor(signer, [1]);
    const lazy = { verify: async () => new Uint8Array(0), close: async () => undefined };
    await expect(signPlanned([planned], { signer, verifier: lazy })).rejects.toThrow('does not verify');
  });

  test('a key version that fails its self-test is never used', async () => {
    const signer = new LocalSigner();
    signer.add('k', 'ecdsa-p256', 2);
    signer.signWithVersion = 2;
    await expect(getZoneKeys(signer, localVerifier, [{ keyId: 'k', role: 'csk', versions: [1] }])).rejects.toThrow(
      'failed its self-test',
    );
  });

  test('without versions the newest and the one before it sign', async () => {
    const signer = new LocalSigner();
    signer.add('k', 'ecdsa-p256', 3);
    const keys = await getZoneKeys(signer, localVerifier, [{ keyId: 'k', role: 'csk' }]);
    expect(keys.map((key) => key.kmsKey.version)).toEqual([3, 2]);
  });

  test('a version that the key does not have is named', async () => {
    const signer = new LocalSigner();
    signer.add('k', 'ecdsa-p256');
    await expect(getZoneKeys(signer, localVerifier, [{ keyId: 'k', role: 'csk', versions: [2] }])).rejects.toThrow(
      'KMS key k has no version 2',
    );
  });
});
