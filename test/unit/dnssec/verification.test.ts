import { describe, expect, test } from 'vitest';
import { formatName } from '#dns/name.ts';
import { formatRRType, rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { composeDs } from '#dnssec/core/keys/ds.ts';
import { typeCoveredBy } from '#dnssec/core/signing/rrsig.ts';
import { formatFault } from '#dnssec/core/zone/faults.ts';
import { type VerifyZoneOptions, verifyZone } from '#dnssec/operations/verify-zone.ts';
import { inOnePiece, rdataOf, recordsOf } from '#test/support/dns.ts';
import { localVerifier } from '#test/support/local-signer.ts';
import { apex, nsec3Policy, nsecPolicy, optOutPolicy, signingTime, signText } from '#test/support/zones.ts';

const text =
  'www 300 A 192.0.2.2\nwww 300 A 192.0.2.3\n*.wild 300 TXT x\na.ent 300 A 192.0.2.4\nsub 300 NS ns.sub\nns.sub 300 A 192.0.2.5\n' +
  'sec 300 NS ns.sub\nsec 300 DS 1 13 2 00\nz.only.ent2 300 NS x.\n';

const verify = (records: readonly ResourceRecord[], options: Partial<VerifyZoneOptions> = {}) =>
  verifyZone(apex, inOnePiece(records), { at: signingTime, ...options }, localVerifier);

const errorsOf = async (
  records: readonly ResourceRecord[],
  options: Partial<VerifyZoneOptions> = {},
): Promise<string[]> =>
  (await verify(records, options)).faults.filter((fault) => fault.severity === 'error').map(formatFault);

const is = (record: ResourceRecord, owner: string, type: string): boolean =>
  formatName(record.owner) === owner && formatRRType(record.type) === type;

const policies = {
  nsec: nsecPolicy,
  nsec3: nsec3Policy,
  'opt-out': optOutPolicy,
  'nsec with zonemd': { ...nsecPolicy, zonemd: true },
  'nsec3 with zonemd': { ...nsec3Policy, zonemd: true },
};

describe.each(Object.entries(policies))('a zone signed with %s', (_, policy) => {
  test.each([[['csk'] as const], [['ksk', 'zsk'] as const], [['csk', 'ksk', 'zsk'] as const]])(
    'by %j is valid',
    async (roles) => {
      expect(await verify(await signText(text, policy, roles))).toMatchObject({ valid: true, faults: [] });
    },
  );

  test('is valid after it was signed a second time over', async () => {
    const again = await signText('', policy);
    expect(again.length).toBeGreaterThan(0);
    const records = await signText(text, policy);
    expect((await verify([...records, ...records])).valid).toBe(true);
  });
});

describe('faults of signatures name owner, type and key', () => {
  test('records that changed', async () => {
    const records = await signText(text);
    const changed = records.map((record) =>
      is(record, 'a.ent.example.', 'A') ? { ...record, rdata: rdataOf('A', '192.0.2.99') } : record,
    );
    expect(await errorsOf(changed)).toEqual([
      expect.stringMatching(/^a\.ent\.example\. A: the RRSIG by key \d+ does not verify/),
    ]);
  });

  test('a TTL that changed, of the records or of the RRSIG', async () => {
    const records = await signText(text);
    const longer = records.map((record) => (is(record, 'a.ent.example.', 'A') ? { ...record, ttl: 301 } : record));
    expect((await errorsOf(longer))[0]).toMatch(
      /a\.ent\.example\. A: the RRSIG by key \d+ was made for a TTL of 300 s, the records have 301 s/,
    );
    const other = records.map((record) => (is(record, 'a.ent.example.', 'RRSIG') ? { ...record, ttl: 1 } : record));
    expect((await errorsOf(other))[0]).toMatch(/has a TTL of 1 s, the records have 300 s/);
  });

  test('a signature before and after its time', async () => {
    const records = await signText(text);
    expect((await errorsOf(records, { at: signingTime - 3601 }))[0]).toContain('is valid from 2025113023');
    expect((await errorsOf(records, { at: signingTime + 15 * 86_400 }))[0]).toContain('expired at 202512');
    expect(await errorsOf(records, { at: signingTime - 3600 })).toEqual([]);
  });

  test('a missing signature', async () => {
    const records = await signText(text);
    const without = records.filter(
      (record) => !(is(record, 'www.example.', 'RRSIG') && typeCoveredBy(record.rdata) === rrTypes.A),
    );
    expect(await errorsOf(without)).toEqual([
      'www.example. A: has no usable RRSIG of algorithm 15, of which the zone has a DNSKEY',
    ]);
  });

  test('a signature over glue or a delegation', async () => {
    const records = await signText(text);
    const rrsig = rdataOf('RRSIG', 'NS 15 2 300 20260101000000 20251201000000 1 example. AQI=');
    expect(
      await errorsOf([
        ...records,
        {
          owner: records.find((record) => is(record, 'sub.example.', 'NS'))!.owner,
          type: rrTypes.RRSIG,
          ttl: 300,
          rdata: rrsig,
        },
      ]),
    ).toEqual(['sub.example. NS: has an RRSIG but is not authoritative data of this zone']);
  });

  test('an unsigned zone', async () => {
    expect(await errorsOf(recordsOf('@ 1 SOA a. b. 1 2 3 4 5\n@ 1 NS a.\n'))).toContain(
      'example. DNSKEY: is missing or holds no zone key: the zone is not signed',
    );
  });
});

describe('faults of denial', () => {
  test('an NSEC that points past a name, lists a wrong type, is missing, or stands where none is due', async () => {
    const records = await signText(text);
    const denial = (changed: readonly ResourceRecord[]) =>
      errorsOf(changed).then((errors) => errors.filter((error) => error.includes('NSEC')));
    const replace = (owner: string, rdata: string) =>
      records.map((record) => (is(record, owner, 'NSEC') ? { ...record, rdata: rdataOf('NSEC', rdata) } : record));
    expect(await denial(replace('a.ent.example.', 'sec.example. A RRSIG NSEC'))).toContain(
      'a.ent.example. NSEC: points to sec.example., the next name is z.only.ent2.example.',
    );
    expect(await denial(replace('a.ent.example.', 'z.only.ent2.example. A MX RRSIG NSEC'))).toContain(
      'a.ent.example. NSEC: lists A MX RRSIG NSEC, the name has A RRSIG NSEC',
    );
    expect(await denial(records.filter((record) => !is(record, 'www.example.', 'NSEC')))).toContain(
      'www.example. NSEC: is missing',
    );
    expect(await denial([...records, ...recordsOf('ent 600 NSEC a.ent RRSIG NSEC\n')])).toContain(
      'ent.example. NSEC: stands at a name that has no authoritative data',
    );
  });

  test('NSEC beside NSEC3', async () => {
    expect(await errorsOf([...(await signText(text, nsec3Policy)), ...recordsOf('www 600 NSEC @ A\n')])).toContain(
      'example.: the zone has both NSEC and NSEC3 records',
    );
  });

  test('an insecure cut may be left out only where the NSEC3 that covers it is opt-out', async () => {
    const optedOut = await signText(text, optOutPolicy);
    expect(await errorsOf(optedOut)).toEqual([]);
    const strict = optedOut.map((record) =>
      record.type === rrTypes.NSEC3 ? { ...record, rdata: `\x01\0${record.rdata.slice(2)}` as Rdata } : record,
    );
    expect(await errorsOf(strict)).toContain(
      'sub.example. NSEC3: has no NSEC3, and the one that covers it is not opt-out',
    );
  });

  test('a TTL of older signers is a warning only (RFC 9077 §3)', async () => {
    const { faults } = await verify(
      (await signText(text)).map((record) =>
        record.type === rrTypes.NSEC && is(record, 'www.example.', 'NSEC') ? { ...record, ttl: 3600 } : record,
      ),
    );
    expect(faults.filter((fault) => fault.code === 'denial-ttl')).toMatchObject([{ severity: 'warning' }]);
  });
});

describe('trust anchors', () => {
  test('a DS or DNSKEY of the signing key is one, another is not', async () => {
    const records = await signText(text);
    const dnskey = records.find((record) => record.type === rrTypes.DNSKEY)!.rdata;
    expect(await errorsOf(records, { anchors: [{ type: rrTypes.DS, rdata: composeDs(apex, dnskey, 2) }] })).toEqual([]);
    expect(await errorsOf(records, { anchors: [{ type: rrTypes.DNSKEY, rdata: dnskey }] })).toEqual([]);
    expect(await errorsOf(records, { anchors: [{ type: rrTypes.DS, rdata: rdataOf('DS', '1 13 2 00') }] })).toEqual([
      'example. DNSKEY: has no key that a trust anchor names',
    ]);
  });

  test('an anchored key must sign the DNSKEY RRset', async () => {
    const records = await signText(text, nsecPolicy, ['ksk', 'zsk']);
    const zsk = records.find((record) => record.type === rrTypes.DNSKEY && record.rdata.charCodeAt(1) === 0)!.rdata;
    expect(await errorsOf(records, { anchors: [{ type: rrTypes.DNSKEY, rdata: zsk }] })).toEqual([
      'example. DNSKEY: is not signed by a key that a trust anchor names',
    ]);
  });
});
