import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { decodeHex } from '#lib/encoding.ts';
import { octetsFrom, octetsToBase32hex } from '#lib/octets.ts';
import { hashName, type Nsec3Parameters, planNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { planNsec } from '#dnssec/core/denial/nsec.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';

const apex = canonical('example.');

function zoneWithout(file: string, type: number) {
  const records = recordsOf(readFileSync(file, 'utf8'));
  const builder = new ZoneBuilder(apex, new Set([type]));
  builder.add(records);
  return { zone: builder.build(), chain: records.filter((record) => record.type === type) };
}

test('the NSEC chain of RFC 4035 appendix A reproduces', () => {
  const { zone, chain } = zoneWithout('fixtures/vectors/rfc4035-appendix-a.zone', rrTypes.NSEC);
  const planned = [...planNsec(zone, 3600)].map(({ rrset }) => ({
    owner: rrset.owner,
    type: rrset.type,
    ttl: rrset.ttl,
    rdata: rrset.rdatas[0],
  }));
  expect(planned).toEqual(chain);
});

const parameters: Nsec3Parameters = {
  iterations: 12,
  salt: octetsFrom(decodeHex('aabbccdd') as Uint8Array),
  optOut: true,
};

test('the opt-out NSEC3 chain of RFC 5155 appendix A reproduces', () => {
  const { zone, chain } = zoneWithout('fixtures/vectors/rfc5155-appendix-a.zone', rrTypes.NSEC3);
  const planned = [...planNsec3(zone, parameters, 3600)].map(({ rrset }) => ({
    owner: rrset.owner,
    type: rrset.type,
    ttl: rrset.ttl,
    rdata: rrset.rdatas[0],
  }));
  expect(planned).toEqual(chain);
});

describe('the hashes of RFC 5155 appendix A', () => {
  test.each([
    ['example.', '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom'],
    ['a.example.', '35mthgpgcu1qg68fab165klnsnk3dpvl'],
    ['ai.example.', 'gjeqe526plbf1g8mklp59enfd789njgi'],
    ['ns1.example.', '2t7b4g4vsa5smi47k61mv5bv1a22bojr'],
    ['*.w.example.', 'r53bq7cc2uvmubfu5ocmm6pers9tk9en'],
    ['x.y.w.example.', '2vptu5timamqttgl4luu9kg21e0aor3s'],
    ['XX.Example.', 't644ebqk9bibcna874givr6joj62mlhv'],
  ])('%s', (name, hash) => {
    expect(octetsToBase32hex(hashName(canonical(name), parameters))).toBe(hash);
    expect(formatName(canonical(name))).toBe(name.toLowerCase());
  });
});
