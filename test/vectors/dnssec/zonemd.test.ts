import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { rrTypes } from '#dns/rr-type.ts';
import { checkZonemd } from '#dnssec/core/verification/apex.ts';
import { FaultList } from '#dnssec/core/verification/signatures.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone.ts';
import { canonical, rdataOf, recordsOf } from '#test/support/dns.ts';

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
