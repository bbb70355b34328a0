import { breathe } from '#lib/breathe.ts';
import { canonicalName, type CanonicalName, formatName, orderKeyOf } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { recordsOfLink, recordsOfRRset } from '#dnssec/operations/zones/differences.ts';
import type { PublishedZone, PublishedZones, ZoneDifference } from '#dnssec/ports-transfer.ts';
import type { DifferenceRecord, ManagedZone, ZoneSnapshot, ZoneStore } from '#dnssec/ports-zones.ts';

/** Rows that are read at a time. */
const together = 250;
/** Steps of an incremental transfer; whoever is further behind gets the whole zone. */
const mostSteps = 200;

/** Show managed zones to those who transfer them. */
export function publishedZones(store: ZoneStore): PublishedZones {
  return {
    async findZone(apex) {
      for (;;) {
        const zone = await store.findZoneByName(formatName(apex).slice(0, -1));
        const published = zone && (await publishedZone(store, zone, apex));
        // Between the two reads another version may have come.
        if (zone === undefined || published?.serial === zone.serial) return published;
      }
    },
  };
}

async function publishedZone(store: ZoneStore, zone: ManagedZone, apex: CanonicalName): Promise<PublishedZone> {
  const atApex = await store.viewOf(zone.id).rrsetsAt(orderKeyOf(apex));
  const soa = atApex.find(({ rrset }) => rrset.type === rrTypes.SOA)?.rrset;
  if (soa === undefined) throw new DnssecError('zone-invalid', `zone ${zone.name} has no SOA`);
  const record: ResourceRecord = { owner: soa.owner, type: soa.type, ttl: soa.ttl, rdata: soa.rdatas[0] as Rdata };
  return {
    apex,
    serial: parseSoa(record.rdata).serial,
    soa: record,
    records: () => recordsOf(store, zone),
    differencesSince: (serial) => differencesSince(store, zone, apex, serial),
  };
}

/** Read a version page by page, held still: whoever takes long gets this version, and not one after the other. */
async function* recordsOf(store: ZoneStore, zone: ManagedZone): AsyncGenerator<readonly ResourceRecord[]> {
  const still = await store.snapshot();
  try {
    const { version } = await still.getZone(zone.id);
    if (version !== zone.version)
      throw new DnssecError('conflict', `zone ${zone.name} has a newer version than the one that is transferred`);
    yield* pagesOf(still, zone);
  } finally {
    await still.close();
  }
}

async function* pagesOf(store: ZoneSnapshot, { id }: ManagedZone): AsyncGenerator<readonly ResourceRecord[]> {
  let after: Parameters<ZoneStore['readRRsets']>[2];
  for (;;) {
    const page = await store.readRRsets(id, together, after);
    yield page.flatMap(recordsOfRRset).filter(({ type }) => type !== rrTypes.SOA);
    const last = page.at(-1);
    if (last === undefined || page.length < together) break;
    after = { key: last.key, type: last.rrset.type };
    await breathe();
  }
  let place: Parameters<ZoneStore['readLinks']>[2];
  for (;;) {
    const page = await store.readLinks(id, together, place);
    yield page.flatMap(recordsOfLink);
    place = page.at(-1)?.place;
    if (page.length < together) return;
    await breathe();
  }
}

async function differencesSince(
  store: ZoneStore,
  zone: ManagedZone,
  apex: CanonicalName,
  serial: number,
): Promise<readonly ZoneDifference[] | undefined> {
  const versions = await store.listVersions(zone.id, mostSteps + 1, zone.version + 1);
  const start = versions.findIndex((version) => version.serial === serial);
  if (start === -1) return undefined;
  const steps: ZoneDifference[] = [];
  for (const { version } of versions.slice(0, start).toReversed()) {
    const differences = await store.readDifferences(zone.id, version);
    const step = differences && stepOf(differences, apex);
    if (step === undefined) return undefined;
    steps.push(step);
  }
  return steps;
}

function stepOf(
  { removed, added }: { readonly removed: readonly DifferenceRecord[]; readonly added: readonly DifferenceRecord[] },
  apex: CanonicalName,
): ZoneDifference | undefined {
  const isSoa = ({ owner, type }: ResourceRecord) => type === rrTypes.SOA && canonicalName(owner) === apex;
  const [from, to] = [removed.find(isSoa), added.find(isSoa)];
  if (from === undefined || to === undefined) return undefined;
  const others = (records: readonly DifferenceRecord[]) => records.filter((record) => !isSoa(record));
  return { from, removed: others(removed), to, added: others(added) };
}
