import { describe, expect, test } from 'vitest';
import { uint32 } from '#lib/octets.ts';
import { formatName } from '#dns/name.ts';
import { rdataFromWire } from '#dns/rdata/rdata.ts';
import { formatRRType, rrTypes } from '#dns/rr-type.ts';
import { isSigned, walkAuthority } from '#dnssec/core/zone/authority.ts';
import { checkZone } from '#dnssec/core/zone/checks.ts';
import { formatFault } from '#dnssec/core/zone/faults.ts';
import { findNodeIndex, madeBySigning } from '#dnssec/core/zone/zone.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import { canonical, recordsOf } from '#test/support/dns.ts';
import { apex, zoneOf } from '#test/support/zones.ts';

const standings = (text: string): Record<string, string> =>
  Object.fromEntries([...walkAuthority(zoneOf(text))].map(({ owner, standing }) => [formatName(owner), standing]));

describe('the zone-cut walk (RFC 4035 §2.2, RFC 6672 §2.4)', () => {
  test('names at and below a cut are told apart, the apex NS makes no cut', () => {
    const walked = standings(
      'sub 1 NS ns.sub\nns.sub 1 A 192.0.2.2\ndeep.sub 1 NS x.\nsec 1 NS x.\nsec 1 DS 1 13 2 00\nwww 1 A 192.0.2.3\n',
    );
    expect(walked).toEqual({
      'example.': 'authoritative',
      'ns1.example.': 'authoritative',
      'sec.example.': 'secure-delegation',
      'sub.example.': 'insecure-delegation',
      'ns.sub.example.': 'occluded',
      'deep.sub.example.': 'occluded',
      'www.example.': 'authoritative',
    });
  });

  test('a name that merely ends like a cut is not below it', () => {
    expect(standings('sub 1 NS x.\nnotsub 1 A 192.0.2.2\n')['notsub.example.']).toBe('authoritative');
  });

  test('what lies below a DNAME is occluded, the DNAME itself is not', () => {
    expect(standings('d 1 DNAME x.\na.d 1 A 192.0.2.2\nb.a.d 1 NS x.\n')).toMatchObject({
      'd.example.': 'authoritative',
      'a.d.example.': 'occluded',
      'b.a.d.example.': 'occluded',
    });
  });

  test('empty non-terminals come once each, above their names, and none below a cut', () => {
    const walked = [
      ...walkAuthority(
        zoneOf('a.b.c 1 A 192.0.2.2\nx.b.c 1 A 192.0.2.2\nc.d 1 A 192.0.2.2\nsub 1 NS x.\na.b.sub 1 A 192.0.2.2\n'),
      ),
    ];
    expect(walked.map(({ owner, standing }) => `${formatName(owner)} ${standing}`)).toEqual([
      'example. authoritative',
      'c.example. empty',
      'b.c.example. empty',
      'a.b.c.example. authoritative',
      'x.b.c.example. authoritative',
      'd.example. empty',
      'c.d.example. authoritative',
      'ns1.example. authoritative',
      'sub.example. insecure-delegation',
      'a.b.sub.example. occluded',
    ]);
  });

  test('at a cut only DS and its denial are signed; nothing occluded is; RRSIGs never are', () => {
    const signedTypes = (standing: Parameters<typeof isSigned>[0]) =>
      [rrTypes.NS, rrTypes.A, rrTypes.DS, rrTypes.NSEC, rrTypes.RRSIG]
        .filter((type) => isSigned(standing, type))
        .map(formatRRType);
    expect(signedTypes('authoritative')).toEqual(['NS', 'A', 'DS', 'NSEC']);
    expect(signedTypes('secure-delegation')).toEqual(['DS', 'NSEC']);
    expect(signedTypes('insecure-delegation')).toEqual(['DS', 'NSEC']);
    expect(signedTypes('occluded')).toEqual([]);
    expect(signedTypes('empty')).toEqual([]);
  });
});

describe('building a zone', () => {
  function build(text: string, leaveOut?: ReadonlySet<number>) {
    const builder = new ZoneBuilder(apex, leaveOut);
    builder.add(recordsOf(text));
    return { zone: builder.build(), faults: builder.faults.map(formatFault) };
  }

  test('nodes are in canonical order, whatever the order of the input', () => {
    const { zone } = build(
      'z 1 A 192.0.2.1\n*.z 1 A 192.0.2.1\nB.a 1 A 192.0.2.1\n\\001.z 1 A 192.0.2.1\na 1 A 192.0.2.1\n',
    );
    expect([...zone.nodes].map((node) => formatName(node.owner))).toEqual([
      'a.example.',
      'B.a.example.',
      'z.example.',
      '\\001.z.example.',
      '*.z.example.',
    ]);
  });

  test('records of one owner in any case and one type make an RRset, each once', () => {
    const { zone, faults } = build('www 1 NS A.\nWWW 1 NS a.\nwww 1 NS b.\n');
    expect(zone.nodes).toHaveLength(1);
    expect(zone.nodes.at(0)?.rrsets[0]?.rdatas).toHaveLength(2);
    expect(formatName(zone.nodes.at(0)!.owner)).toBe('www.example.');
    expect(faults).toEqual([]);
  });

  test('that holds among many records and many types as well', () => {
    const lines = Array.from({ length: 50 }, (_, index) => `www 1 NS A${index}.\nwww 1 TYPE${1000 + index} \\# 0\n`);
    const { zone, faults } = build([...lines, ...lines.map((line) => line.toLowerCase()), 'www 1 NS b.\n'].join(''));
    const rrsets = [...zone.nodes][0]?.rrsets ?? [];
    expect(rrsets.map(({ type }) => type)).toEqual([2, ...Array.from({ length: 50 }, (_, index) => 1000 + index)]);
    expect(rrsets.map(({ rdatas }) => rdatas.length)).toEqual([51, ...Array.from({ length: 50 }, () => 1)]);
    expect(faults).toEqual([]);
  });

  test('one RRset of 200 000 records is read in the time that 200 000 RRsets take', () => {
    const rdatas = Array.from({ length: 200_000 }, (_, index) => rdataFromWire(rrTypes.A, uint32(index)));
    const builder = new ZoneBuilder(apex);
    builder.add(rdatas.map((rdata) => ({ owner: apex, type: rrTypes.A, ttl: 1, rdata })));
    expect([...builder.build().nodes][0]?.rrsets[0]?.rdatas).toEqual(rdatas);
  });

  test('an RRset with several TTLs gets the smallest, and a warning (RFC 2181 §5.2)', () => {
    const { zone, faults } = build('www 300 A 192.0.2.1\nwww 100 A 192.0.2.2\nwww 200 A 192.0.2.3\n');
    expect(zone.nodes.at(0)?.rrsets[0]?.ttl).toBe(100);
    expect(faults).toEqual([
      'www.example. A: has records with TTLs 300 and 100; the smaller one is taken',
      'www.example. A: has records with TTLs 100 and 200; the smaller one is taken',
    ]);
  });

  test('what signing makes is taken out of the input', () => {
    const { zone } = build('a 1 A 192.0.2.1\na 1 NSEC b A\na 1 RRSIG A 13 2 1 1 1 1 example. AQI=\n', madeBySigning);
    expect(zone.nodes.at(0)?.rrsets.map((rrset) => formatRRType(rrset.type))).toEqual(['A']);
    expect(zone.nodes.at(0)?.rrsigs).toEqual([]);
  });

  test('a node tells its types without its records as it tells them with them', () => {
    const text = 'a 1 A 192.0.2.1\na 1 A 192.0.2.2\na 1 TXT x\na 1 RRSIG A 13 2 1 1 1 1 example. AQI=\nb 1 CNAME a\n';
    const { nodes } = build(text).zone;
    expect(Array.from(nodes, ({ types }) => types)).toEqual([[rrTypes.A, rrTypes.TXT], [rrTypes.CNAME]]);
    expect(Array.from(nodes, ({ rrsets }) => rrsets.map(({ type }) => type))).toEqual([
      [rrTypes.A, rrTypes.TXT],
      [rrTypes.CNAME],
    ]);
    expect(Array.from(nodes, ({ rrsigs }) => rrsigs.length)).toEqual([1, 0]);
  });

  test('a name that holds nothing but what is left out is no node', () => {
    expect([
      ...build('0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 1 NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n', madeBySigning)
        .zone.nodes,
    ]).toEqual([]);
  });

  test('an owner whose records do not come together is one node all the same', () => {
    const { zone, faults } = build(
      'b 9 TXT x\nA 9 TXT z\nb 9 A 192.0.2.2\na 9 TXT y\na 9 A 192.0.2.1\nb 5 TXT w\na 9 TXT z\n',
    );
    const lines = [...zone.nodes].map(({ owner, rrsets }) => [
      formatName(owner),
      ...rrsets.map(({ type, ttl, rdatas }) => `${formatRRType(type)} ${ttl} ${rdatas.length}`),
    ]);
    expect(lines).toEqual([
      ['A.example.', 'A 9 1', 'TXT 9 2'],
      ['b.example.', 'A 9 1', 'TXT 5 2'],
    ]);
    expect(faults).toEqual(['b.example. TXT: has records with TTLs 9 and 5; the smaller one is taken']);
  });

  test('every node is found by its name, from wherever the search starts, and no other name is', () => {
    const labels = Array.from({ length: 40 }, (_, index) => `n${String(index * 2).padStart(2, '0')}`);
    const { zone } = build(labels.map((label) => `${label} 1 A 192.0.2.1\n`).join(''));
    for (let near = 0; near <= labels.length; near += 5) {
      for (const label of labels)
        expect(zone.nodes.at(findNodeIndex(zone, canonical(`${label}.example.`), near))?.canonicalOwner).toBe(
          canonical(`${label}.example.`),
        );
      for (const label of ['a', 'n01', 'n77', 'n79', 'x.n10'])
        expect(findNodeIndex(zone, canonical(`${label}.example.`), near)).toBe(-1);
    }
  });

  test('records outside the zone are named', () => {
    expect(build('www.example.org. 1 A 192.0.2.1\n').faults).toEqual(['www.example.org. A: is not within example.']);
  });
});

describe('checks name every fault at once', () => {
  const faults = (text: string, maxTtl?: number): string[] =>
    checkZone(zoneOf(text), maxTtl === undefined ? {} : { maxTtl }).map(
      (fault) => `${fault.severity} ${formatFault(fault)}`,
    );

  test('a sound zone has none', () => {
    expect(faults('www 1 A 192.0.2.2\n')).toEqual([]);
  });

  test.each([
    ['a 1 CNAME b.\na 1 TXT x\n', 'error a.example. CNAME: has TXT beside it'],
    ['a 1 CNAME b.\na 1 CNAME c.\n', 'error a.example. CNAME: stands 2 times, only one is allowed'],
    ['a 1 DNAME b.\na 1 DNAME c.\n', 'error a.example. DNAME: stands 2 times, only one is allowed'],
    ['@ 1 CNAME b.\n', 'error example. CNAME: stands at the apex, beside the SOA'],
    ['@ 1 DS 1 13 2 00\n', 'error example. DS: stands at the apex: it belongs into the parent zone'],
    ['a 1 DS 1 13 2 00\n', 'error a.example. DS: has no NS beside it: it belongs to a delegation'],
    ['a 1 SOA a. b. 1 2 3 4 5\n', 'error a.example. SOA: stands below the apex'],
    ['@ 1 SOA a. b. 1 2 3 4 5\n', 'error example. SOA: stands 2 times, only one is allowed'],
    ['*.a 1 NS x.\n', 'warning *.a.example.: is a wildcard with NS or DNAME, which many name servers refuse'],
    ['a 1 NS ns.a\n', 'warning a.example. NS: points to ns.a.example., which has no address in this zone'],
    ['a 1 MX 1 b\nb 1 CNAME c.\n', 'warning a.example. MX: points to b.example., which is a CNAME'],
    [
      'a 1 NS x.\nb.a 1 TXT x\n',
      'warning b.a.example.: lies below a delegation or a DNAME: nobody is given these records',
    ],
  ])('%j', (text, fault) => {
    expect(faults(text)).toContain(fault);
  });

  test('a zone without SOA and NS says so', () => {
    const builder = new ZoneBuilder(apex);
    builder.add(recordsOf('www 1 A 192.0.2.1\n'));
    expect(checkZone(builder.build()).map((fault) => fault.code)).toEqual(['no-soa', 'no-ns']);
  });

  test("a TTL above the cap is refused with the record's name", () => {
    expect(faults('www 90000 A 192.0.2.2\n', 86_400)).toEqual([
      'error www.example. A: has a TTL of 90000 s, above the cap of 86400 s that key rollovers rely on',
    ]);
  });

  test('glue below a cut is no fault', () => {
    expect(faults('a 1 NS ns.a\nns.a 1 A 192.0.2.2\n')).toEqual([]);
  });
});
