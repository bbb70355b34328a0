import { array, assert, asyncProperty, constantFrom, record } from 'fast-check';
import { expect, test } from 'vitest';
import type { Octets } from '#lib/octets.ts';
import { canonicalName, formatName, orderKeyOf, parseName } from '#dns/name.ts';
import { formatRRType, rrTypes, type RRType } from '#dns/rr-type.ts';
import { parseRdataText } from '#dns/rdata/rdata.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { ChangedView } from '#dnssec/core/change/changed-view.ts';
import { nsec3Links, nsecLinks } from '#dnssec/core/change/link-makers.ts';
import { type DenialRules, planChange, rowName, type RRsetChange } from '#dnssec/core/change/plan-change.ts';
import { planNsec } from '#dnssec/core/denial/nsec.ts';
import { defaultNsec3, planNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { isSigned, walkAuthority } from '#dnssec/core/zone/authority.ts';
import type { Zone } from '#dnssec/core/zone/zone.ts';
import { ZoneBuilder } from '#dnssec/core/zone/zone-builder.ts';
import { MemoryZone } from '#test/support/memory-zone.ts';

const apex = canonicalName(parseName('example.'));
const mark = 'signature' as Octets as Rdata;

const rdataOf: Readonly<Record<number, readonly Rdata[]>> = {
  [rrTypes.A]: ['192.0.2.1', '192.0.2.2'].map((text) => parseRdataText(rrTypes.A, text)),
  [rrTypes.TXT]: ['x', 'y'].map((text) => parseRdataText(rrTypes.TXT, text)),
  [rrTypes.NS]: [parseRdataText(rrTypes.NS, 'ns.example.net.')],
  [rrTypes.DS]: [parseRdataText(rrTypes.DS, `1 13 2 ${'00'.repeat(32)}`)],
  [rrTypes.DNAME]: [parseRdataText(rrTypes.DNAME, 'elsewhere.example.net.')],
};
const types = Object.keys(rdataOf).map(Number);

const label = constantFrom('a', 'b', 'c', '*', 'B', '\\000', '\\255');
const owner = array(label, { maxLength: 4 }).map((labels) => parseName([...labels, 'example.'].join('.')));

const change = record({ owner, type: constantFrom(...types), value: constantFrom(undefined, 0, 0, 1) });
/** Steps, each of several changes that become one version. */
const script = array(array(change, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 });

const nsec3 = (optOut: boolean) => ({ ...defaultNsec3, optOut });
const kinds: readonly (readonly [string, DenialRules])[] = [
  ['NSEC', { kind: 'nsec', links: nsecLinks }],
  ['NSEC3', { kind: 'nsec3', links: nsec3Links(nsec3(false), apex), optOut: false }],
  ['NSEC3 with opt-out', { kind: 'nsec3', links: nsec3Links(nsec3(true), apex), optOut: true }],
];

function changesOf(step: readonly { owner: RRset['owner']; type: RRType; value: number | undefined }[]): RRsetChange[] {
  const last = new Map<string, RRsetChange>();
  for (const { owner: name, type, value } of step) {
    const rdatas = rdataOf[type]!;
    const after =
      value === undefined ? undefined : { owner: name, type, ttl: 300, rdatas: [rdatas[value % rdatas.length]!] };
    last.set(rowName(orderKeyOf(canonicalName(name)), type), { owner: name, type, after });
  }
  return [...last.values()];
}

/** Apply one version to a zone in memory, as a store would. */
async function apply(zone: MemoryZone, changes: readonly RRsetChange[], denial: DenialRules): Promise<void> {
  const after = new ChangedView(zone);
  for (const { owner: name, type, after: rrset } of changes) {
    const key = orderKeyOf(canonicalName(name));
    after.set(key, type, rrset === undefined ? undefined : { key, rrset, rrsigs: [] });
  }
  const plan = await planChange(apex, zone, after, zone, changes, denial);
  for (const { owner: name, type, after: rrset } of changes) {
    const key = orderKeyOf(canonicalName(name));
    if (rrset === undefined) zone.rrsets.delete(rowName(key, type));
    else zone.rrsets.set(rowName(key, type), { key, rrset, rrsigs: [] });
  }
  for (const entry of plan.toSign) zone.rrsets.set(rowName(entry.key, entry.rrset.type), { ...entry, rrsigs: [mark] });
  for (const entry of plan.toStrip) zone.rrsets.set(rowName(entry.key, entry.rrset.type), { ...entry, rrsigs: [] });
  for (const { place } of plan.chain.removed) zone.links.delete(place);
  for (const link of plan.chain.written) zone.links.set(link.place, link);
}

function wholeZone(zone: MemoryZone): Zone {
  const builder = new ZoneBuilder(apex);
  for (const { rrset } of zone.sorted()) {
    builder.add(rrset.rdatas.map((rdata) => ({ owner: rrset.owner, type: rrset.type, ttl: rrset.ttl, rdata })));
  }
  return builder.build();
}

function fromScratch(zone: Zone, denial: DenialRules) {
  const planned = denial.kind === 'nsec' ? planNsec(zone, 300) : planNsec3(zone, nsec3(denial.optOut), 300);
  const chain = [...planned]
    .map(({ rrset }) => `${canonicalName(rrset.owner)} ${canonical(rrset.rdatas[0]!)}`)
    .toSorted();
  const signed: string[] = [];
  for (const { standing, node } of walkAuthority(zone)) {
    for (const { type } of node?.rrsets ?? []) {
      if (node !== undefined && isSigned(standing, type))
        signed.push(`${formatName(node.canonicalOwner)} ${formatRRType(type)}`);
    }
  }
  return { chain, signed: signed.toSorted() };
}

function incremental(zone: MemoryZone) {
  return {
    chain: zone
      .sortedLinks()
      .map((link) => `${canonicalName(link.owner)} ${canonical(link.rdata)}`)
      .toSorted(),
    signed: zone
      .sorted()
      .filter(({ rrsigs }) => rrsigs.length > 0)
      .map(({ rrset }) => `${formatName(canonicalName(rrset.owner))} ${formatRRType(rrset.type)}`)
      .toSorted(),
  };
}

/** The letter case of a next name is that of whichever RRset of its owner came first. */
function canonical(rdata: Rdata): string {
  return rdata.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

test.each(kinds)(
  'with %s, after any changes the chain and the signed RRsets are those of the zone signed from scratch',
  async (_name, denial) => {
    await assert(
      asyncProperty(script, async (steps) => {
        const zone = new MemoryZone();
        const soa = parseRdataText(rrTypes.SOA, 'ns.example. h.example. 1 2 3 4 5');
        const first = { owner: apex, type: rrTypes.SOA, ttl: 300, rdatas: [soa] };
        await apply(zone, [{ owner: apex, type: rrTypes.SOA, after: first }], denial);
        for (const step of steps) {
          await apply(zone, changesOf(step), denial);
          expect(incremental(zone)).toEqual(fromScratch(wholeZone(zone), denial));
        }
      }),
      { numRuns: Number(process.env['ZONESEAL_PROPERTY_RUNS'] ?? 400) },
    );
  },
);
