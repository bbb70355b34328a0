import { describe, expect, test } from 'vitest';
import { formatName } from '#dns/name.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Octets } from '#lib/octets.ts';
import { denialTtl, planNsec } from '#dnssec/core/denial/nsec.ts';
import { defaultNsec3, hashName, nsec3Due, nsec3Owner, nsec3ParamRRset, planNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { canonical } from '#test/support/dns.ts';
import { apex, zoneOf } from '#test/support/zones.ts';

const nsecs = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...planNsec(zoneOf(text), 600)].map(({ rrset }) => [
      formatName(rrset.owner),
      formatRdata(rrset.type, rrset.rdatas[0]!),
    ]),
  );

describe('NSEC (RFC 4034 §4, RFC 4035 §2.3)', () => {
  const chain = nsecs(
    'sub 1 NS ns.sub\nsub 1 A 192.0.2.9\nns.sub 1 A 192.0.2.2\nsec 1 NS x.\nsec 1 DS 1 13 2 00\na.ent 1 TXT x\nWWW 1 A 192.0.2.3\n*.w 1 TYPE65280 \\# 0\n',
  );

  test('every owner of authoritative data or of a cut has one, and points to the next; the last to the apex', () => {
    expect(Object.entries(chain).map(([owner, rdata]) => `${owner} → ${rdata.split(' ')[0]}`)).toEqual([
      'example. → a.ent.example.',
      'a.ent.example. → ns1.example.',
      'ns1.example. → sec.example.',
      'sec.example. → sub.example.',
      'sub.example. → *.w.example.',
      '*.w.example. → WWW.example.',
      'WWW.example. → example.',
    ]);
  });

  test('the bitmap holds what the name owns, RRSIG and NSEC', () => {
    expect(chain['example.']).toBe('a.ent.example. NS SOA RRSIG NSEC');
    expect(chain['*.w.example.']).toBe('WWW.example. RRSIG NSEC TYPE65280');
  });

  test('at an insecure cut it is NS RRSIG NSEC, at a secure one with DS; addresses there are glue', () => {
    expect(chain['sub.example.']).toBe('*.w.example. NS RRSIG NSEC');
    expect(chain['sec.example.']).toBe('sub.example. NS DS RRSIG NSEC');
  });
});

test("the TTL of denial is the smaller of the SOA's TTL and its minimum (RFC 9077 §3)", () => {
  expect(denialTtl(3600, 600)).toBe(600);
  expect(denialTtl(300, 600)).toBe(300);
});

describe('NSEC3 (RFC 5155 §7.1)', () => {
  const due = (text: string, optOut = false): Record<string, string> =>
    Object.fromEntries(
      [...nsec3Due(zoneOf(text), optOut)].map(({ owner, types }) => [
        formatName(owner),
        types.toSorted((left, right) => left - right).join(' '),
      ]),
    );

  test('empty non-terminals are due one, with an empty bitmap', () => {
    expect(due('a.b.c 1 A 192.0.2.2\n')).toEqual({
      'example.': '2 6 46',
      'c.example.': '',
      'b.c.example.': '',
      'a.b.c.example.': '1 46',
      'ns1.example.': '1 46',
    });
  });

  test('an insecure cut lists NS alone, a secure one DS and RRSIG too', () => {
    expect(due('sub 1 NS x.\nsub 1 A 192.0.2.3\nsec 1 NS x.\nsec 1 DS 1 13 2 00\n')).toMatchObject({
      'sub.example.': '2',
      'sec.example.': '2 43 46',
    });
  });

  test('with opt-out insecure cuts are left out, and with them the empty non-terminals that lead to nothing else', () => {
    const text =
      'sub 1 NS x.\na.b 1 NS x.\nc.d 1 NS x.\ne.d 1 A 192.0.2.3\nf.g.h 1 NS x.\ni.h 1 NS x.\ni.h 1 DS 1 13 2 00\n';
    expect(Object.keys(due(text, true))).toEqual([
      'example.',
      'd.example.',
      'e.d.example.',
      'h.example.',
      'i.h.example.',
      'ns1.example.',
    ]);
    expect(Object.keys(due(text, false))).toHaveLength(12);
  });

  test('names are lower-cased before they are hashed', () => {
    expect(hashName(canonical('WWW.Example.'), defaultNsec3)).toBe(hashName(canonical('www.example.'), defaultNsec3));
  });

  test('the chain is ordered by hash and closed, and its owners are base32hex in lower case', () => {
    const chain = [...planNsec3(zoneOf('a 1 A 192.0.2.2\nb 1 A 192.0.2.2\nc 1 A 192.0.2.2\n'), defaultNsec3, 600)];
    const owners = chain.map(({ canonicalOwner }) => canonicalOwner);
    const nexts = chain.map(({ rrset }) => nsec3Owner(rrset.rdatas[0]!.slice(6, 26) as Octets, apex));
    expect(owners).toEqual(owners.toSorted());
    expect(nexts).toEqual([...owners.slice(1), owners[0]]);
    for (const owner of owners) expect(formatName(owner)).toMatch(/^[0-9a-v]{32}\.example\.$/);
  });

  test('the defaults are 0 iterations and no salt (RFC 9276 §3.1); opt-out flags NSEC3 but not NSEC3PARAM', () => {
    const optOut = { ...defaultNsec3, optOut: true };
    const [first] = planNsec3(zoneOf(''), optOut, 600);
    expect(formatRdata(rrTypes.NSEC3, first!.rrset.rdatas[0]!)).toMatch(/^1 1 0 - /);
    expect(formatRdata(rrTypes.NSEC3PARAM, nsec3ParamRRset(apex, optOut).rdatas[0]!)).toBe('1 0 0 -');
  });
});
