import { canonicalName, type CanonicalName, formatName, type Name } from '#dns/name.ts';
import { DnsError } from '#dns/errors.ts';
import { canonicalRdata } from '#dns/rdata/rdata.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { isSerialGreater } from '#dns/serial.ts';
import { parseSoa } from '#dns/soa.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { isRecordType } from '#dnssec/core/managed/record-values.ts';
import { publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { RRsetEdits } from '#dnssec/operations/zones/rrset-edits.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Prerequisite, UpdateOutcome, UpdateStep, ZoneUpdate } from '#dnssec/ports-transfer.ts';

/** Thrown out of a publishing that is not to be. */
class Refusal extends Error {
  readonly outcome: UpdateOutcome;

  constructor(outcome: UpdateOutcome) {
    super(outcome);
    this.outcome = outcome;
  }
}

/** Types that may stand beside a CNAME, since signing made them. Source: RFC 4034 §2.2, RFC 4034 §4. */
const besideCname: ReadonlySet<RRType> = new Set([rrTypes.RRSIG, rrTypes.NSEC, rrTypes.KEY]);
/** Types of which a new record takes the place of the old one. Source: RFC 2136 §3.4.2.2, RFC 6672 §2.4. */
const singletons: ReadonlySet<RRType> = new Set([rrTypes.CNAME, rrTypes.DNAME]);

/**
 * Do a dynamic update as one new version of the zone, or nothing of it.
 *
 * Source: RFC 2136 §3.
 *
 * @param key TSIG key that the update was signed with
 * @throws what publishing throws when the fault is not with the update
 */
export async function updateZone(ports: ZonePorts, update: ZoneUpdate, key: CanonicalName): Promise<UpdateOutcome> {
  const zone = await ports.store.findZoneByName(formatName(update.apex).slice(0, -1));
  if (zone === undefined) return 'no-such-zone';
  const feed = await ports.feeds.findFeed(zone.id);
  const isAllowed = feed?.updateKeys.some((name) => isSameName(name, key)) === true && feed.primaries.length === 0;
  if (!isAllowed) return 'refused';
  const cause = { reason: 'dynamic update', principal: `tsig:${formatName(key)}` };
  try {
    await publishVersion(ports, zone.id, cause, async (_current, view) => {
      const edits = new RRsetEdits(view, update.apex);
      for (const prerequisite of update.prerequisites) await require(edits, prerequisite);
      for (const step of update.steps) await take(edits, update.apex, step);
      return { edits: edits.compose(ports.clock.now()) };
    });
    return 'done';
  } catch (error) {
    if (error instanceof Refusal) return error.outcome;
    if (error instanceof DnsError) return 'refused';
    if (error instanceof DnssecError && ['zone-invalid', 'request-invalid'].includes(error.code)) return 'refused';
    throw error;
  }
}

/** Tell whether the holder of a TSIG key may have a zone: those with a key for updates only the zones that name it. */
export async function mayHave(
  { store, feeds, updateKeys }: ZonePorts,
  apex: CanonicalName,
  key: CanonicalName,
): Promise<boolean> {
  if (!updateKeys.includes(key)) return true;
  const zone = await store.findZoneByName(formatName(apex).slice(0, -1));
  const feed = zone && (await feeds.findFeed(zone.id));
  return feed?.updateKeys.some((name) => isSameName(name, key)) ?? false;
}

/** Tell whether a text names a TSIG key. */
export function isSameName(text: string, key: CanonicalName): boolean {
  return `${text.toLowerCase().replace(/\.$/, '')}.` === formatName(key);
}

/** Source: RFC 2136 §3.2.5. */
async function require(edits: RRsetEdits, prerequisite: Prerequisite): Promise<void> {
  const { owner } = prerequisite;
  const rrsets = await edits.at(owner);
  const found = 'type' in prerequisite ? rrsets.find(({ type }) => type === prerequisite.type) : undefined;
  switch (prerequisite.kind) {
    case 'name-in-use':
      if (rrsets.length === 0) throw new Refusal('name-missing');
      break;
    case 'name-not-in-use':
      if (rrsets.length > 0) throw new Refusal('name-exists');
      break;
    case 'rrset-exists':
      if (found === undefined) throw new Refusal('rrset-missing');
      break;
    case 'rrset-absent':
      if (found !== undefined) throw new Refusal('rrset-exists');
      break;
    case 'rrset-equals': {
      const wanted = new Set(prerequisite.rdatas.map((rdata) => canonicalRdata(prerequisite.type, rdata)));
      const isEqual = found !== undefined && wanted.symmetricDifference(new Set(found.rdatas.keys())).size === 0;
      if (!isEqual) throw new Refusal('rrset-missing');
    }
  }
}

/** Source: RFC 2136 §3.4.2. */
async function take(edits: RRsetEdits, apex: CanonicalName, step: UpdateStep): Promise<void> {
  if (step.kind === 'add') return add(edits, apex, step.record);
  if (step.kind === 'delete-name') {
    const isKept = (type: RRType) => !isRecordType(type) || (type === rrTypes.NS && isApex(step.owner, apex));
    for (const { type } of await edits.at(step.owner)) if (!isKept(type)) await edits.clear(step.owner, type);
    return;
  }
  const { owner, type } = step;
  if (type === rrTypes.SOA) return; // a zone keeps its SOA
  assertKept(type);
  const isApexNs = type === rrTypes.NS && isApex(owner, apex);
  if (step.kind === 'delete-rrset') {
    if (!isApexNs) await edits.clear(owner, type);
    return;
  }
  const found = (await edits.at(owner)).find((rrset) => rrset.type === type);
  if (isApexNs && found?.rdatas.size === 1) return; // nor does it lose its last name server
  await edits.remove(owner, type, step.rdata);
}

async function add(edits: RRsetEdits, apex: CanonicalName, record: ResourceRecord): Promise<void> {
  const { owner, type, rdata } = record;
  const there = await edits.at(owner);
  if (type === rrTypes.SOA) {
    const [before] = there.find((rrset) => rrset.type === rrTypes.SOA)?.rdatas.values() ?? [];
    const isNewer =
      isApex(owner, apex) && before !== undefined && isSerialGreater(parseSoa(rdata).serial, parseSoa(before).serial);
    if (!isNewer) return;
    await edits.clear(owner, type);
    await edits.add(record);
    return;
  }
  assertKept(type);
  const clashes = there.some((rrset) =>
    type === rrTypes.CNAME
      ? rrset.type !== rrTypes.CNAME && !besideCname.has(rrset.type)
      : rrset.type === rrTypes.CNAME && !besideCname.has(type),
  );
  if (clashes) return; // silently, as the RFC has it
  if (singletons.has(type)) await edits.clear(owner, type);
  await edits.add(record);
}

/** What signing makes is not for others to write. */
function assertKept(type: RRType): void {
  if (!isRecordType(type)) throw new Refusal('refused');
}

function isApex(owner: Name, apex: CanonicalName): boolean {
  return canonicalName(owner) === apex;
}
