import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { nextSerial, type SerialPolicy } from '#dns/serial.ts';
import { parseSoa, withSerial } from '#dns/soa.ts';
import { type DenialRRset, denialTtl, withNsec } from '#dnssec/core/denial/nsec.ts';
import { nsec3ParamRRset, type Nsec3Parameters, planNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { type PlannedRRset, planRRset, type SigningContext } from '#dnssec/core/signing/plan.ts';
import type { ValidityPolicy } from '#dnssec/core/signing/validity.ts';
import { placeholderZonemd } from '#dnssec/core/signing/zonemd.ts';
import { type AuthorityNode, isSigned, walkAuthority } from '#dnssec/core/zone/authority.ts';
import { formatFault, type ZoneFault } from '#dnssec/core/zone/faults.ts';
import type { GatheredZone } from '#dnssec/core/zone/gather-zone.ts';
import { findApex, findRRset, withApexRRsets, type Zone } from '#dnssec/core/zone/zone.ts';

/** How a whole zone is signed. */
export interface ZoneSigningPolicy {
  readonly denial: { readonly kind: 'nsec' } | { readonly kind: 'nsec3'; readonly parameters: Nsec3Parameters };
  readonly validity: ValidityPolicy;
  readonly serial: SerialPolicy;
  readonly zonemd: boolean;
  /** Seconds. */
  readonly dnskeyTtl: number;
}

/** A zone that is ready to be signed. */
export interface PreparedZone {
  readonly zone: Zone;
  readonly serial: number;
  /** RRsets that the signed zone has at most, denial included. */
  readonly mostRRsets: number;
  readonly warnings: readonly ZoneFault[];
}

/**
 * Make a zone that was read ready to be signed: refuse it if it is not sound, set the serial, put the keys in.
 *
 * @param now seconds since the epoch
 * @throws DnssecError zone-invalid with all faults
 */
export function prepareZone(
  { zone, faults }: GatheredZone,
  keys: readonly ZoneKey[],
  policy: ZoneSigningPolicy,
  now: number,
): PreparedZone {
  assertNoErrors(faults);
  const owner = findApex(zone)?.owner ?? zone.apex;
  const soaRRset = findRRset(findApex(zone), rrTypes.SOA) as RRset;
  const soa = soaRRset.rdatas[0] as Rdata;
  const serial = nextSerial(parseSoa(soa).serial, policy.serial, now);
  const apexRRsets: RRset[] = [
    { ...soaRRset, rdatas: [withSerial(soa, serial)] },
    { owner, type: rrTypes.DNSKEY, ttl: policy.dnskeyTtl, rdatas: keys.map((key) => key.dnskey) },
  ];
  if (policy.denial.kind === 'nsec3') apexRRsets.push(nsec3ParamRRset(zone.apex, policy.denial.parameters));
  if (policy.zonemd)
    apexRRsets.push({ owner, type: rrTypes.ZONEMD, ttl: soaRRset.ttl, rdatas: [placeholderZonemd(serial)] });
  const prepared = withApexRRsets(zone, apexRRsets);
  const mostRRsets = zone.rrsetCount + apexRRsets.length + prepared.nodes.length;
  return { zone: prepared, serial, mostRRsets, warnings: faults };
}

const faultsShown = 20;

function assertNoErrors(faults: readonly ZoneFault[]): void {
  const errors = faults.filter((fault) => fault.severity === 'error');
  if (errors.length === 0) return;
  const shown = errors.slice(0, faultsShown).map(formatFault);
  if (errors.length > faultsShown) shown.push(`… and ${errors.length - faultsShown} more`);
  throw new DnssecError('zone-invalid', `the zone cannot be signed: ${shown.join('; ')}`, {
    details: { faults: errors.slice(0, 1000).map((fault) => ({ code: fault.code, message: formatFault(fault) })) },
  });
}

/** Plan every RRset of the signed zone but ZONEMD, in canonical order. */
export function* planZone(zone: Zone, policy: ZoneSigningPolicy, context: SigningContext): Generator<PlannedRRset> {
  for (const [node, denial] of withDenial(zone, policy)) {
    for (const rrset of soaFirst(node?.node?.rrsets ?? [])) {
      if (node === undefined || (rrset.type === rrTypes.ZONEMD && policy.zonemd)) continue;
      if (isSigned(node.standing, rrset.type)) yield planRRset(context, node.canonicalOwner, rrset);
      else yield { rrset, owner: node.canonicalOwner, tasks: [] };
    }
    if (denial !== undefined) yield planRRset(context, denial.canonicalOwner, denial.rrset);
  }
}

/** Readers of zone files want the SOA before anything else. Source: RFC 1035 §5.2. */
function soaFirst(rrsets: readonly RRset[]): readonly RRset[] {
  const index = rrsets.findIndex((rrset) => rrset.type === rrTypes.SOA);
  return index <= 0 ? rrsets : [rrsets[index] as RRset, ...rrsets.slice(0, index), ...rrsets.slice(index + 1)];
}

/** What stands at one name: contents, denial or both. */
type Place = [node: AuthorityNode | undefined, denial: DenialRRset | undefined];

/** Walk a zone and its chain of denial together, in canonical order. */
export function withDenial(zone: Zone, policy: Pick<ZoneSigningPolicy, 'denial'>): Iterable<Place> {
  const soa = findRRset(findApex(zone), rrTypes.SOA) as RRset;
  const ttl = denialTtl(soa.ttl, parseSoa(soa.rdatas[0] as Rdata).minimum);
  if (policy.denial.kind === 'nsec') return withNsec(zone, ttl);
  return mergeDenial(walkAuthority(zone), planNsec3(zone, policy.denial.parameters, ttl));
}

/** Merge two sequences that are both in canonical order; what has one owner comes together. */
function* mergeDenial(nodes: Iterable<AuthorityNode>, denials: Iterable<DenialRRset>): Generator<Place> {
  const rest = denials[Symbol.iterator]();
  let denial = rest.next();
  for (const node of nodes) {
    while (denial.done !== true && denial.value.key < node.key) {
      yield [undefined, denial.value];
      denial = rest.next();
    }
    if (denial.done !== true && denial.value.key === node.key) {
      yield [node, denial.value];
      denial = rest.next();
    } else {
      yield [node, undefined];
    }
  }
  for (; denial.done !== true; denial = rest.next()) yield [undefined, denial.value];
}
