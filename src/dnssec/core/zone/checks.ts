import { flatOctets } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, formatName, isWildcard, isWithin, orderKeyOf } from '#dns/name.ts';
import { formatRRType, rrTypes, type RRType } from '#dns/rr-type.ts';
import type { RRset } from '#dns/rrset.ts';
import { namesInRdata } from '#dns/rdata/rdata.ts';
import { type AuthorityNode, walkAuthority } from '#dnssec/core/zone/authority.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import {
  findApex,
  findNodeIndex,
  findRRset,
  typesAt,
  typesOf,
  type Zone,
  type ZoneNode,
} from '#dnssec/core/zone/zone.ts';

export interface ZoneCheckOptions {
  /** The largest TTL that is let through, in seconds; rollovers wait for it. */
  readonly maxTtl?: number;
}

/** Types that may stand beside a CNAME. Source: RFC 2181 §10.1, RFC 4034 §3, RFC 4034 §4. */
const besideCname: ReadonlySet<RRType> = new Set([rrTypes.CNAME, rrTypes.RRSIG, rrTypes.NSEC, rrTypes.KEY]);
const singletons: ReadonlySet<RRType> = new Set([rrTypes.CNAME, rrTypes.DNAME, rrTypes.SOA]);
/** Types whose targets must not be aliases. Source: RFC 2181 §10.3, RFC 2782. */
const targetsMustNotBeAliases: ReadonlySet<RRType> = new Set([rrTypes.NS, rrTypes.MX, rrTypes.SRV]);

type Report = (
  severity: ZoneFault['severity'],
  code: string,
  node: Pick<AuthorityNode, 'owner'>,
  type: RRType | undefined,
  message: string,
) => void;

/** Return all that is wrong with a zone's contents, errors and warnings. */
export function checkZone(zone: Zone, options: ZoneCheckOptions = {}): ZoneFault[] {
  const faults: ZoneFault[] = [];
  const report: Report = (severity, code, { owner }, type, message) => {
    faults.push({ severity, code, owner, message, ...(type === undefined ? {} : { type }) });
  };
  const targets = new TargetFinder(zone);
  checkApex(zone, report);
  for (const node of walkAuthority(zone)) {
    if (node.node === undefined) continue;
    targets.advance();
    checkNode(node, node.node, zone.apex, report);
    if (options.maxTtl !== undefined) checkTtls(node.node, options.maxTtl, report);
    if (node.standing !== 'occluded') checkTargets(node.node, zone.apex, targets, report);
  }
  return faults;
}

/** An owner with all its RRsets. */
export interface OwnerContents {
  readonly apex: CanonicalName;
  readonly owner: CanonicalName;
  readonly rrsets: readonly RRset[];
}

/** Return what is wrong with the contents of one owner, as far as they alone tell. */
export function checkOwner({ apex, owner, rrsets }: OwnerContents, options: ZoneCheckOptions = {}): ZoneFault[] {
  if (rrsets.length === 0 && owner !== apex) return [];
  const key = orderKeyOf(owner);
  const node = { owner, canonicalOwner: owner, key, rrsets, rrsigs: [] };
  return checkZone({ apex, nodes: [node] }, options).filter(
    ({ owner: at, code }) => canonicalName(at) === owner && code !== 'no-address',
  );
}

function checkApex(zone: Zone, report: Report): void {
  const node = findApex(zone);
  const apex = { owner: zone.apex };
  if (findRRset(node, rrTypes.SOA) === undefined)
    report('error', 'no-soa', apex, rrTypes.SOA, 'is missing: a zone has one SOA at its apex');
  if (findRRset(node, rrTypes.NS) === undefined)
    report('error', 'no-ns', apex, rrTypes.NS, 'is missing: a zone has NS records at its apex');
  if (findRRset(node, rrTypes.CNAME) !== undefined)
    report('error', 'cname-at-apex', apex, rrTypes.CNAME, 'stands at the apex, beside the SOA');
  if (findRRset(node, rrTypes.DS) !== undefined)
    report('error', 'ds-at-apex', apex, rrTypes.DS, 'stands at the apex: it belongs into the parent zone');
}

function checkNode(node: AuthorityNode, contents: ZoneNode, apex: CanonicalName, report: Report): void {
  const types = typesOf(contents);
  const has = (type: RRType) => types.includes(type);
  for (const type of types) {
    const count = singletons.has(type) ? (findRRset(contents, type) as RRset).rdatas.length : 1;
    if (count > 1) report('error', 'several-singletons', node, type, `stands ${count} times, only one is allowed`);
    if (type === rrTypes.SOA && node.canonicalOwner !== apex)
      report('error', 'soa-not-at-apex', node, type, 'stands below the apex');
    if (type === rrTypes.DS && node.canonicalOwner !== apex && !has(rrTypes.NS)) {
      report('error', 'ds-without-ns', node, type, 'has no NS beside it: it belongs to a delegation');
    }
  }
  if (isWildcard(node.owner) && (has(rrTypes.NS) || has(rrTypes.DNAME))) {
    report(
      'warning',
      'wildcard-delegation',
      node,
      undefined,
      'is a wildcard with NS or DNAME, which many name servers refuse',
    );
  }
  if (has(rrTypes.CNAME)) {
    const others = types.filter((type) => !besideCname.has(type)).map(formatRRType);
    if (others.length > 0)
      report('error', 'cname-and-other-data', node, rrTypes.CNAME, `has ${others.join(', ')} beside it`);
  }
  if (node.standing === 'occluded' && types.some((type) => type !== rrTypes.A && type !== rrTypes.AAAA)) {
    report('warning', 'occluded', node, undefined, 'lies below a delegation or a DNAME: nobody is given these records');
  }
}

function checkTtls({ owner, rrsets }: ZoneNode, maxTtl: number, report: Report): void {
  for (const { type, ttl } of rrsets) {
    if (ttl > maxTtl)
      report(
        'error',
        'ttl-too-large',
        { owner },
        type,
        `has a TTL of ${ttl} s, above the cap of ${maxTtl} s that key rollovers rely on`,
      );
  }
}

function checkTargets(node: ZoneNode, apex: CanonicalName, targets: TargetFinder, report: Report): void {
  if (!typesOf(node).some((type) => targetsMustNotBeAliases.has(type))) return;
  for (const { type, rdatas } of node.rrsets) {
    if (!targetsMustNotBeAliases.has(type)) continue;
    for (const rdata of rdatas) {
      for (const name of namesInRdata(type, rdata)) {
        const target = canonicalName(name);
        if (isWithin(target, apex)) checkTarget(node, type, target, targets.find(target), report);
      }
    }
  }
}

function checkTarget(node: ZoneNode, type: RRType, name: CanonicalName, target: Target, report: Report): void {
  if (target.isAlias)
    report('warning', 'target-is-alias', node, type, `points to ${formatName(name)}, which is a CNAME`);
  if (type === rrTypes.NS && !target.hasAddress)
    report('warning', 'no-address', node, type, `points to ${formatName(name)}, which has no address in this zone`);
}

/** What matters of a name that records point to. */
interface Target {
  readonly isAlias: boolean;
  readonly hasAddress: boolean;
}

const mostTargets = 4096;
/** Nodes between a name and its target from which the target is kept in mind: closer ones are found in less time. */
const farAway = 16;

/** Looks targets up while the zone is walked: most are close to the name that points to them, or the same few as before. */
class TargetFinder {
  readonly #zone: Zone;
  readonly #known = new Map<CanonicalName, Target>();
  #index = -1;

  constructor(zone: Zone) {
    this.#zone = zone;
  }

  /** The walk has come to the next node. */
  advance(): void {
    this.#index++;
  }

  find(name: CanonicalName): Target {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const index = findNodeIndex(this.#zone, name, this.#index);
    const types = index < 0 ? [] : typesAt(this.#zone.nodes, index);
    const target = {
      isAlias: types.includes(rrTypes.CNAME),
      hasAddress: types.includes(rrTypes.A) || types.includes(rrTypes.AAAA),
    };
    if (Math.abs(index - this.#index) < farAway) return target;
    if (this.#known.size >= mostTargets) this.#known.clear();
    this.#known.set(flatOctets(name), target);
    return target;
  }
}
