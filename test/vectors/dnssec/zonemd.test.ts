import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { typeCoveredBy } from '#dnssec/core/signing/rrsig.ts';
import { checkZonemd } from '#dnssec/core/verification/apex.ts';
import { FaultList } from '#dnssec/core/verification/signatures.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import { verifyZone } from '#dnssec/operations/verify-zone.ts';
import { canonical, inOnePiece, rdataOf, recordsOf } from '#test/support/dns.ts';
import { localVerifier } from '#test/support/local-signer.ts';

describe.each(['a1', 'a2'])('the digest of RFC 8976 appendix %s', (appendix) => {
  const records = recordsOf(readFileSync(`fixtures/vectors/rfc8976-appendix-${appendix}.zone`, 'utf8'));
  const faultsOf = (changed: typeof records) => {
    const builder = new ZoneBuilder(canonical('example.'));
    builder.add(changed);
    const list = new FaultList();
    checkZonemd(builder.build(), list);
    return list.faults.map((fault) => fault.code);
  };

  test('matches', () => {
    expect(faultsOf(records)).toEqual([]);
  });

  test('does not match once a record has changed', () => {
    const other = rdataOf('A', '203.0.113.64');
    expect(
      faultsOf(records.map((record) => (record.type === rrTypes.A ? { ...record, rdata: other } : record))),
    ).toEqual(['zonemd-mismatch']);
    expect(faultsOf(records.map((record) => (record.type === rrTypes.A ? { ...record, ttl: 1 } : record)))).toEqual([
      'zonemd-mismatch',
    ]);
  });

  test('must be for the SOA serial', () => {
    const soa = rdataOf('SOA', 'ns1 admin 2018031901 1800 900 604800 86400');
    expect(
      faultsOf(records.map((record) => (record.type === rrTypes.SOA ? { ...record, rdata: soa } : record))),
    ).toEqual(['zonemd-serial']);
  });
});

const digestOf = (appendix: string, origin: string) => {
  const records = recordsOf(readFileSync(`fixtures/vectors/rfc8976-appendix-${appendix}.zone`, 'utf8'), origin);
  const faults = (changed: typeof records) => {
    const builder = new ZoneBuilder(canonical(origin));
    builder.add(changed);
    const list = new FaultList();
    checkZonemd(builder.build(), list);
    return list.faults.map((fault) => fault.code);
  };
  return { records, faults };
};

describe('several digests, RFC 8976 appendix A.3', () => {
  const { records, faults } = digestOf('a3', 'example.');
  const kindOf = (rdata: string) => [rdata.charCodeAt(4), rdata.charCodeAt(5)].join(' ');
  const only = (kind: string) =>
    records.filter((record) => record.type !== rrTypes.ZONEMD || kindOf(record.rdata) === kind);

  test('those of SHA-384 and SHA-512 match, each by itself; unknown schemes and hashes are passed over', () => {
    expect(faults(records)).toEqual(['zonemd-unknown', 'zonemd-unknown']);
    expect(faults(only('1 1'))).toEqual([]);
    expect(faults(only('1 2'))).toEqual([]);
    expect(faults(only('241 1'))).toEqual(['zonemd-unknown']);
  });

  test('two of one kind are none', () => {
    const other = records.find((record) => record.type === rrTypes.ZONEMD && kindOf(record.rdata) === '1 1');
    if (other === undefined) throw new Error('the vector has no SHA-384 digest');
    const flipped = (other.rdata.slice(0, -1) + '\0') as Rdata;
    expect(faults([...only('1 1'), { ...other, rdata: flipped }])).toEqual(['zonemd-several', 'zonemd-several']);
  });
});

test('the digest of root-servers.net, RFC 8976 appendix A.5, matches', () => {
  const { records, faults } = digestOf('a5', 'root-servers.net.');
  expect(faults(records)).toEqual([]);
  const digested = records.filter(({ type }) => type !== rrTypes.ZONEMD && type !== rrTypes.SOA);
  for (const record of digested)
    expect(faults(records.filter((other) => other !== record))).toEqual(['zonemd-mismatch']);
});

describe('the signed zone uri.arpa, RFC 8976 appendix A.4', () => {
  const { records } = digestOf('a4', 'uri.arpa.');
  const verify = (changed: typeof records, at = Date.UTC(2021, 1, 1) / 1000) =>
    verifyZone(parseName('uri.arpa.'), inOnePiece(changed), { at }, localVerifier);

  test('is valid on 1 February 2021: RSA signatures, NSEC chain and digest', async () => {
    expect(await verify(records)).toEqual({ valid: true, records: 35, signaturesChecked: 15, faults: [] });
  });

  test('is not valid without any one of its records', async () => {
    const harmless: string[] = [];
    for (const [index, { type, rdata }] of records.entries()) {
      const { valid } = await verify(records.filter((_, other) => other !== index));
      if (valid) harmless.push(`${type} ${typeCoveredBy(rdata)}`);
    }
    expect(harmless).toEqual([]);
  });

  test('is not valid after its signatures expired', async () => {
    expect((await verify(records, Date.UTC(2021, 1, 18) / 1000)).valid).toBe(false);
  });
});
