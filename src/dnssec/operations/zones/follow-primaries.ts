import { type CanonicalName, formatName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { isRecordType } from '#dnssec/core/managed/record-values.ts';
import { findApex, findRRset as findRRsetOf } from '#dnssec/core/zone/zone.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { publishMerged } from '#dnssec/operations/zones/merge-contents.ts';
import { type ContentEdit, findRRset } from '#dnssec/operations/zones/content-edits.ts';
import { publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { RRsetEdits } from '#dnssec/operations/zones/rrset-edits.ts';
import { type WantedContents, WantedBuilder } from '#dnssec/operations/zones/wanted-contents.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { TransferPart, ZoneDifference, ZoneFeed, ZonePrimary } from '#dnssec/ports-transfer.ts';
import type { ManagedZone, StoredZoneView } from '#dnssec/ports-zones.ts';
import { messageOf, ServiceError } from '#lib/errors.ts';

/** Seconds between two times that a primary is asked, whatever its SOA says. */
const [soonest, latest] = [30, 86_400];

/** The steps that a primary sent do not start from what is held. */
class StepsDoNotFit extends Error {}

/**
 * Get what is newer at the primaries of a zone, the preferred one first, and publish it signed as one version. Whatever is
 * wrong with an answer leaves the former version published, and is noted.
 *
 * The version and the note of its serial are two writes. When only the first was done, the next steps do not fit and the
 * whole zone is fetched: they are taken strictly, each record that goes must be there and each that comes must not.
 *
 * @returns what was wrong; undefined when the zone is as the primary has it
 */
export async function followPrimaries(ports: ZonePorts, feed: ZoneFeed, signal: AbortSignal): Promise<unknown> {
  const zone = await ports.store.getZone(feed.zoneId);
  let fault: unknown = new DnssecError('request-invalid', `zone ${zone.name} has no primary that the settings allow`);
  for (const name of feed.primaries) {
    const primary = ports.primaries.find((one) => one.name === name);
    if (primary === undefined) continue;
    try {
      const soa = await follow(ports, zone, primary, feed.serial, signal);
      const { serial, refresh } = parseSoa(soa.rdata);
      const { lastError: _, ...rest } = feed;
      const now = ports.clock.now();
      await noteFeed(ports, { ...rest, serial, freshAt: now, dueAt: Math.floor(now / 1000) + bounded(refresh) });
      return undefined;
    } catch (error) {
      fault = error;
    }
  }
  if (signal.aborted) return undefined;
  const soa = await findRRset(ports.store.viewOf(zone.id), apexOf(zone), rrTypes.SOA);
  const [rdata] = soa?.rrset.rdatas ?? [];
  const retry = rdata === undefined ? soonest : bounded(parseSoa(rdata).retry);
  const lastError = messageOf(fault).slice(0, 500);
  await noteFeed(ports, { ...feed, lastError, dueAt: Math.floor(ports.clock.now() / 1000) + retry });
  return fault;
}

function bounded(seconds: number): number {
  return Math.min(latest, Math.max(soonest, seconds));
}

/** Write down how far a feed has come, unless it was set anew meanwhile. */
async function noteFeed(ports: ZonePorts, feed: ZoneFeed): Promise<void> {
  await ports.locks.run(feed.zoneId, async () => {
    const now = await ports.feeds.findFeed(feed.zoneId);
    if (now === undefined || now.primaries.join() !== feed.primaries.join()) return;
    await ports.feeds.putFeed({ ...feed, updateKeys: now.updateKeys });
  });
}

/** @returns the SOA of the version that is published now */
async function follow(
  ports: ZonePorts,
  zone: ManagedZone,
  primary: ZonePrimary,
  held: number | undefined,
  signal: AbortSignal,
): Promise<ResourceRecord> {
  try {
    const fetched = await gatherParts(apexOf(zone), primary.fetch(apexOf(zone), held, signal));
    return await publishFetched(ports, zone, primary, held, fetched);
  } catch (error) {
    if (held === undefined || !stepsAreOfNoUse(error)) throw error;
    return await follow(ports, zone, primary, undefined, signal);
  }
}

/** Of a primary whose differences are wrong, the whole zone may still be right. */
function stepsAreOfNoUse(error: unknown): boolean {
  return error instanceof StepsDoNotFit || (error instanceof ServiceError && error.code === 'transfer-malformed');
}

/** What a transfer gave: the records of a whole zone as octets, or the steps to the newest version. */
interface Fetched {
  readonly last: TransferPart | undefined;
  readonly steps: readonly ZoneDifference[];
  readonly whole: WantedBuilder;
}

/** Records of a zone that are taken: a stream of them has no end that can be foreseen. */
const mostRecords = 5_000_000;

/** @throws DnssecError zone-invalid when there are too many records */
export async function gatherParts(
  apex: CanonicalName,
  parts: AsyncIterable<TransferPart>,
  most = mostRecords,
): Promise<Fetched> {
  const whole = new WantedBuilder(apex);
  const steps: ZoneDifference[] = [];
  let count = 0;
  let last: TransferPart | undefined;
  for await (const part of parts) {
    if (part.kind === 'full') {
      count += part.records.length;
      if (count > most)
        throw new DnssecError('zone-invalid', `more than ${most} records were sent, the most that is taken`);
      whole.add(part.records);
    }
    if (part.kind === 'difference') steps.push(part);
    last = part.kind === 'full' ? { ...part, records: [] } : part;
  }
  return { last, steps, whole };
}

async function publishFetched(
  ports: ZonePorts,
  zone: ManagedZone,
  primary: ZonePrimary,
  held: number | undefined,
  { last, steps, whole }: Fetched,
): Promise<ResourceRecord> {
  if (last === undefined) throw new DnssecError('zone-invalid', `${primary.name} sent nothing of ${zone.name}`);
  if (last.kind === 'up-to-date') {
    const { serial } = parseSoa(last.soa.rdata);
    if (serial !== held)
      throw new DnssecError('zone-invalid', `${primary.name} went back from serial ${held} to ${serial}`);
    return last.soa;
  }
  const soa = last.kind === 'difference' ? last.to : last.soa;
  const cause = { reason: `serial ${parseSoa(soa.rdata).serial} of ${primary.name}`, principal: 'primary' };
  if (last.kind === 'difference') {
    await publishVersion(ports, zone.id, cause, async (_current, view) => ({
      edits: [...(await editsOfSteps(ports, view, apexOf(zone), steps)), editOfSoa(soa)],
    }));
    return soa;
  }
  const wanted = whole.build();
  assertHasServers(apexOf(zone), wanted);
  await publishMerged(ports, zone, { wanted, isReplacing: true, soa }, cause);
  return soa;
}

function editOfSoa({ owner, type, ttl, rdata }: ResourceRecord): ContentEdit {
  return { owner, type, after: { rrset: { owner, type, ttl, rdatas: [rdata] } } };
}

async function editsOfSteps(
  ports: ZonePorts,
  view: StoredZoneView,
  apex: CanonicalName,
  steps: readonly ZoneDifference[],
): Promise<ContentEdit[]> {
  const edits = new RRsetEdits(view, apex);
  for (const { removed, added } of steps) {
    for (const { owner, type, rdata } of removed.filter(isContent))
      if (!(await edits.remove(owner, type, rdata))) throw new StepsDoNotFit();
    for (const record of added.filter(isContent)) if (!(await edits.add(record))) throw new StepsDoNotFit();
  }
  return edits.compose(ports.clock.now());
}

/** What a primary signed itself is left out: it is signed anew here. */
function isContent({ type }: ResourceRecord): boolean {
  return isRecordType(type);
}

function assertHasServers(apex: CanonicalName, { zone }: WantedContents): void {
  if (findRRsetOf(findApex(zone), rrTypes.NS) === undefined)
    throw new DnssecError('zone-invalid', `what was transferred has no NS records at ${formatName(apex)}`);
}
