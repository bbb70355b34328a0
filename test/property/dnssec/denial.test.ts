import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonicalName,
  type CanonicalName,
  compareNames,
  formatName,
  isWithin,
  nameLengthAt,
  parentOf,
} from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { planNsec } from '#dnssec/core/denial/nsec.ts';
import { nsec3Due } from '#dnssec/core/denial/nsec3.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import { recordsOf } from '#test/support/dns.ts';
import { apex, zoneHead } from '#test/support/zones.ts';

const label = fc.constantFrom('a', 'b', 'C', '*', 'x', '\\001', '\\200');
const owner = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const data = fc.constantFrom(
  'A 192.0.2.1',
  'TXT x',
  'NS ns.elsewhere.',
  'NS ns.elsewhere.',
  'DS 1 13 2 00',
  'DNAME other.',
);
const zoneText = fc
  .array(fc.tuple(owner, data), { maxLength: 14 })
  .map((lines) => zoneHead + lines.map(([name, rest]) => `${name} 60 ${rest}\n`).join(''));

/** The rules of RFC 4035 §2.2 and RFC 5155 §7.1, said as plainly and slowly as they can be. */
function reference(records: readonly ResourceRecord[]) {
  const names = [...new Set(records.map((record) => canonicalName(record.owner)))].toSorted(compareNames);
  const has = (name: CanonicalName, type: number) =>
    records.some((record) => canonicalName(record.owner) === name && record.type === type);
  const isCut = (name: CanonicalName) => name !== apex && has(name, rrTypes.NS);
  const isBelow = (name: CanonicalName, above: CanonicalName) => name !== above && isWithin(name, above);
  const covers = names.filter((name) => isCut(name) || has(name, rrTypes.DNAME));
  const visible = names.filter((name) => !covers.some((cover) => isBelow(name, cover)));
  const isOptedOut = (name: CanonicalName) => isCut(name) && !has(name, rrTypes.DS);
  const withAncestors = (from: readonly CanonicalName[]): string[] => {
    const all = new Set<CanonicalName>(from);
    for (const name of from) {
      for (let above = parentOf(name); above !== undefined && isWithin(above, apex); above = parentOf(above))
        all.add(above);
    }
    return [...all].toSorted(compareNames).map(formatName);
  };
  return {
    nsec: visible.map(formatName),
    nsec3: withAncestors(visible),
    optOut: withAncestors(visible.filter((name) => !isOptedOut(name))),
  };
}

function zoneOfRecords(records: readonly ResourceRecord[]) {
  const builder = new ZoneBuilder(apex);
  builder.add(records);
  return builder.build();
}

test('the names that are due an NSEC, an NSEC3, and one with opt-out are those of the plain rules', () => {
  fc.assert(
    fc.property(zoneText, (text) => {
      const records = recordsOf(text);
      const zone = zoneOfRecords(records);
      const expected = reference(records);
      expect([...planNsec(zone, 1)].map(({ canonicalOwner }) => formatName(canonicalOwner))).toEqual(expected.nsec);
      const due = (optOut: boolean) => [...nsec3Due(zone, optOut)].map(({ owner: name }) => formatName(name));
      expect(due(false)).toEqual(expected.nsec3);
      expect(due(true)).toEqual(expected.optOut);
    }),
    { numRuns: 1000 },
  );
});

test('an NSEC chain visits each of its names once and comes back to the apex', () => {
  fc.assert(
    fc.property(zoneText, (text) => {
      const chain = new Map(
        [...planNsec(zoneOfRecords(recordsOf(text)), 1)].map(({ canonicalOwner, rrset }) => [
          canonicalOwner,
          rrset.rdatas[0]!,
        ]),
      );
      const visited = new Set<CanonicalName>();
      let name: CanonicalName = apex;
      while (!visited.has(name)) {
        visited.add(name);
        const rdata = chain.get(name)!;
        const length = nameLengthAt(rdata, 0);
        name = canonicalName(rdata.slice(0, length) as CanonicalName);
      }
      expect(name).toBe(apex);
      expect(visited.size).toBe(chain.size);
    }),
  );
});
