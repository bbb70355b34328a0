import { expect, test } from 'vitest';
import { canonicalName, orderKeyOf, parseName } from '#dns/name.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import { type ContentEntry, PackedContents } from '#dnssec/operations/zones/packed-contents.ts';

const apex = canonicalName(parseName('example.'));

function entry(owner: string, type: RRType, ttl: number, texts: readonly string[], value?: string): ContentEntry {
  const name = parseName(owner);
  const content = { identity: `dnsr-${owner}`, name: owner, values: [value ?? ''], createdAt: 1, updatedAt: 2 };
  return {
    key: orderKeyOf(canonicalName(name)),
    rrset: { owner: name, type, ttl, rdatas: texts.map((text) => parseRdataText(type, text)) },
    ...(value === undefined ? {} : { content }),
  };
}

const soa = 'ns. host. 1 2 3 4 50';
const entries = [
  entry('example.', rrTypes.NS, 60, ['ns.example.']),
  entry('example.', rrTypes.SOA, 70, [soa]),
  entry('EN-T.b.example.', rrTypes.A, 100, ['192.0.2.1', '192.0.2.2'], 'ü 😀 "\\'),
  entry('WWW.example.', rrTypes.A, 90, ['192.0.2.1'], 'x'),
  entry('www.example.', rrTypes.TXT, 80, ['"\\000\\255"']),
  entry('wWw.example.', rrTypes.AAAA, 80, ['2001:db8::1'], 'y'),
];

function packed(): PackedContents {
  const contents = new PackedContents(apex);
  for (const one of entries) contents.add(one);
  return contents;
}

test('a zone gives back each RRset with the letter case of its owner and what the API shows of it', () => {
  const contents = packed();
  const entryOf = contents.entriesInOrder();
  const given = [...contents.zone.nodes].flatMap(({ key, rrsets }) => rrsets.map((rrset) => entryOf(key, rrset)));
  expect(given).toEqual(entries);
});

test('RRsets that are not among the contents have nothing to be shown, wherever they stand', () => {
  const entryOf = packed().entriesInOrder();
  const others = ['example.', 'b.example.', 'EN-T.b.example.', 'zz.example.', 'example.'].map((owner) =>
    entry(owner, rrTypes.DNSKEY, 1, []),
  );
  expect(others.map(({ key, rrset }) => entryOf(key, rrset))).toEqual(others);
});

test('the TTLs that rollovers wait for are the largest one and that of denials', () => {
  expect(packed().ttls).toEqual({ zone: 100, negative: 50 });
  expect(new PackedContents(apex).ttls).toBeUndefined();
});
