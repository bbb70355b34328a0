import { type Octets, readUint16, sliceOctets } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, formatName, type Name, nameLengthAt } from '#dns/name.ts';
import { formatRRType, rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import { composeTypeBitmap, parseTypeBitmap } from '#dns/type-bitmap.ts';
import { denialTtl, planNsec } from '#dnssec/core/denial/nsec.ts';
import { hashName, nsec3Due, nsec3Owner, type Nsec3Parameters } from '#dnssec/core/denial/nsec3.ts';
import type { FaultList } from '#dnssec/core/verification/signatures.ts';
import { findApex, findRRset, typesOf, type Zone, type ZoneNode } from '#dnssec/core/zone/zone.ts';

const denialTypes: ReadonlySet<RRType> = new Set([rrTypes.NSEC, rrTypes.NSEC3]);

/**
 * Check that the zone's denial of existence says exactly what is in the zone: compare it with the chain that the contents
 * are due.
 *
 * Source: RFC 4035 §2.3, RFC 5155 §7.1.
 */
export function checkDenial(zone: Zone, faults: FaultList): void {
  const contents = withoutDenial(zone);
  const hasNsec = hasType(zone, rrTypes.NSEC);
  const hasNsec3 = hasType(zone, rrTypes.NSEC3);
  if (hasNsec && hasNsec3)
    faults.error(zone.apex, undefined, 'denial-mixed', 'the zone has both NSEC and NSEC3 records');
  if (hasNsec3) checkNsec3Chain(zone, contents, faults);
  else checkNsecChain(zone, contents, faults);
}

function hasType({ nodes }: Zone, type: RRType): boolean {
  for (const node of nodes) if (findRRset(node, type) !== undefined) return true;
  return false;
}

/** Return the zone without NSEC and NSEC3, and without the names that own nothing else. */
function withoutDenial(zone: Zone): Zone {
  const nodes: ZoneNode[] = [];
  for (const node of zone.nodes) {
    const types = typesOf(node);
    if (!types.some((type) => denialTypes.has(type))) {
      if (types.length > 0) nodes.push(node);
      continue;
    }
    const { owner, canonicalOwner, key, rrsigs } = node;
    const rrsets = node.rrsets.filter(({ type }) => !denialTypes.has(type));
    if (rrsets.length > 0) nodes.push({ owner, canonicalOwner, key, rrsets, rrsigs });
  }
  return { apex: zone.apex, nodes };
}

/** The SOA's TTL bounds that of denial; older signers took the minimum field alone. Source: RFC 9077 §3. */
function checkDenialTtl(zone: Zone, owner: Name, type: RRType, ttl: number, faults: FaultList): void {
  const soa = findRRset(findApex(zone), rrTypes.SOA);
  if (soa === undefined) return;
  const due = denialTtl(soa.ttl, parseSoa(soa.rdatas[0] as Rdata).minimum);
  if (ttl !== due) faults.warning(owner, type, 'denial-ttl', `has a TTL of ${ttl} s, where ${due} s is due`);
}

function checkNsecChain(zone: Zone, contents: Zone, faults: FaultList): void {
  const actual = new Map<CanonicalName, ZoneNode>();
  for (const node of zone.nodes) if (findRRset(node, rrTypes.NSEC) !== undefined) actual.set(node.canonicalOwner, node);
  for (const { canonicalOwner, rrset } of planNsec(contents, 0)) {
    const node = actual.get(canonicalOwner);
    actual.delete(canonicalOwner);
    const found = findRRset(node, rrTypes.NSEC);
    if (found === undefined) {
      faults.error(rrset.owner, rrTypes.NSEC, 'nsec-missing', 'is missing');
      continue;
    }
    if (found.rdatas.length !== 1)
      faults.error(rrset.owner, rrTypes.NSEC, 'nsec-several', `stands ${found.rdatas.length} times`);
    checkDenialTtl(zone, rrset.owner, rrTypes.NSEC, found.ttl, faults);
    const [foundNext, foundTypes] = splitNsec(found.rdatas[0] as Rdata);
    const [dueNext, dueTypes] = splitNsec(rrset.rdatas[0] as Rdata);
    if (canonicalName(foundNext) !== canonicalName(dueNext)) {
      faults.error(
        rrset.owner,
        rrTypes.NSEC,
        'nsec-next',
        `points to ${formatName(foundNext)}, the next name is ${formatName(dueNext)}`,
      );
    }
    compareBitmaps(rrset.owner, rrTypes.NSEC, foundTypes, dueTypes, faults);
  }
  for (const node of actual.values()) {
    faults.error(node.owner, rrTypes.NSEC, 'nsec-extra', 'stands at a name that has no authoritative data');
  }
}

function splitNsec(rdata: Rdata): [next: Name, bitmap: Octets] {
  const length = nameLengthAt(rdata, 0);
  return [sliceOctets(rdata, 0, length) as Name, sliceOctets(rdata, length)];
}

function compareBitmaps(owner: Name, type: RRType, found: Octets, due: Octets, faults: FaultList): void {
  if (found === due) return;
  faults.error(owner, type, 'bitmap', `lists ${formatTypes(found)}, the name has ${formatTypes(due)}`);
}

function formatTypes(bitmap: Octets): string {
  return parseTypeBitmap(bitmap).map(formatRRType).join(' ') || 'nothing';
}

interface Nsec3 {
  readonly owner: Name;
  readonly parameters: Octets;
  readonly optOut: boolean;
  readonly next: Octets;
  readonly bitmap: Octets;
}

function parseNsec3(owner: Name, rdata: Rdata): Nsec3 {
  const saltEnd = 5 + rdata.charCodeAt(4);
  const nextEnd = saltEnd + 1 + rdata.charCodeAt(saltEnd);
  return {
    owner,
    parameters: (rdata.charAt(0) + rdata.slice(2, saltEnd)) as Octets,
    optOut: (rdata.charCodeAt(1) & 1) !== 0,
    next: sliceOctets(rdata, saltEnd + 1, nextEnd),
    bitmap: sliceOctets(rdata, nextEnd),
  };
}

function checkNsec3Chain(zone: Zone, contents: Zone, faults: FaultList): void {
  const param = findRRset(findApex(zone), rrTypes.NSEC3PARAM)?.rdatas[0];
  if (param === undefined) {
    faults.error(zone.apex, rrTypes.NSEC3PARAM, 'nsec3param-missing', 'is missing although the zone has NSEC3 records');
    return;
  }
  if (param.charCodeAt(1) !== 0)
    faults.error(zone.apex, rrTypes.NSEC3PARAM, 'nsec3param-flags', 'has flags: they are 0 in NSEC3PARAM');
  const parameters: Nsec3Parameters = { iterations: readUint16(param, 2), salt: sliceOctets(param, 5), optOut: false };
  const chain = readChain(zone, (param.charAt(0) + param.slice(2)) as Octets, faults);
  const matched = new Set<CanonicalName>();
  const mandatory = new Set([...nsec3Due(contents, true)].map(({ owner }) => owner));
  const skipped: { owner: CanonicalName; hashed: Octets }[] = [];
  for (const { owner, types } of nsec3Due(contents, false)) {
    const hashed = hashName(owner, parameters);
    const nsec3Name = nsec3Owner(hashed, zone.apex);
    const found = chain.get(nsec3Name);
    if (found !== undefined) {
      matched.add(nsec3Name);
      compareBitmaps(found.owner, rrTypes.NSEC3, found.bitmap, composeTypeBitmap(types), faults);
    } else if (mandatory.has(owner)) {
      faults.error(nsec3Name, rrTypes.NSEC3, 'nsec3-missing', `is missing: it is due for ${formatName(owner)}`);
    } else {
      skipped.push({ owner, hashed });
    }
  }
  for (const [nsec3Name, { owner }] of chain) {
    if (!matched.has(nsec3Name)) faults.error(owner, rrTypes.NSEC3, 'nsec3-extra', 'matches no name of the zone');
  }
  checkOrder(zone.apex, chain, skipped, faults);
}

/** Read the NSEC3 records by owner, in canonical order, which is the order of their hashes. */
function readChain(zone: Zone, parameters: Octets, faults: FaultList): Map<CanonicalName, Nsec3> {
  const chain = new Map<CanonicalName, Nsec3>();
  for (const node of zone.nodes) {
    const rrset = findRRset(node, rrTypes.NSEC3);
    if (rrset === undefined) continue;
    checkDenialTtl(zone, node.owner, rrTypes.NSEC3, rrset.ttl, faults);
    if (rrset.rdatas.length !== 1)
      faults.error(node.owner, rrTypes.NSEC3, 'nsec3-several', `stands ${rrset.rdatas.length} times`);
    const nsec3 = parseNsec3(node.owner, rrset.rdatas[0] as Rdata);
    if (nsec3.parameters !== parameters)
      faults.error(node.owner, rrTypes.NSEC3, 'nsec3-parameters', 'has other parameters than NSEC3PARAM');
    chain.set(node.canonicalOwner, nsec3);
  }
  return chain;
}

/** Check that each NSEC3 points to the next and the last to the first, and that what was left out lies in opt-out gaps. */
function checkOrder(
  apex: CanonicalName,
  chain: ReadonlyMap<CanonicalName, Nsec3>,
  skipped: readonly { owner: CanonicalName; hashed: Octets }[],
  faults: FaultList,
): void {
  const names = [...chain.keys()];
  for (const [index, name] of names.entries()) {
    const nsec3 = chain.get(name) as Nsec3;
    const due = names[(index + 1) % names.length] as CanonicalName;
    const next = nsec3Owner(nsec3.next, apex);
    if (next !== due)
      faults.error(
        nsec3.owner,
        rrTypes.NSEC3,
        'nsec3-next',
        `points to ${formatName(next)}, the next one is ${formatName(due)}`,
      );
  }
  for (const { owner, hashed } of skipped) {
    const covering = chain.get(nameBefore(names, nsec3Owner(hashed, apex)));
    if (covering?.optOut !== true) {
      faults.error(owner, rrTypes.NSEC3, 'nsec3-missing', 'has no NSEC3, and the one that covers it is not opt-out');
    }
  }
}

/** Return the last of the sorted names that is not after `name`, or the last of all. */
function nameBefore(names: readonly CanonicalName[], name: CanonicalName): CanonicalName {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] as CanonicalName) <= name) low = middle + 1;
    else high = middle;
  }
  return names[(low === 0 ? names.length : low) - 1] as CanonicalName;
}
