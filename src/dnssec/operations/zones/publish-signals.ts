import {
  canonicalName,
  type CanonicalName,
  formatName,
  orderKeyOf,
  parentOf,
  parseName,
  type Name,
} from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { RRset } from '#dns/rrset.ts';
import type { Octets } from '#lib/octets.ts';
import { messageOf } from '#lib/errors.ts';
import { composeSignals, findSignallingName } from '#dnssec/core/bootstrap/signalling-records.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { publicationOf } from '#dnssec/core/managed/zone-rollover.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import type { ContentEdit } from '#dnssec/operations/zones/content-edits.ts';
import { publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

const signalTypes: readonly RRType[] = [rrTypes.CDS, rrTypes.CDNSKEY];

/**
 * Vouch for the CDS and CDNSKEY of a zone whose parent has no DS yet, at the signalling names of those of its name servers
 * that are ours and whose signalling zones we hold and sign; and take the signals away when the parent has a DS. Only the name
 * servers of the configuration are ours: what a zone says of others gives it no right to write to their zones.
 *
 * What fails is an event, and is tried again when the zone is next tended.
 *
 * Source: RFC 9615 §4.1, RFC 9615 §5.1.
 */
export async function publishSignals(ports: ZonePorts, zoneId: number): Promise<void> {
  const zone = await ports.store.getZone(zoneId);
  const { signing } = zone;
  if (signing === undefined) return;
  const isWanted = isBootstrapping(signing);
  if (!isWanted && signing.signals === undefined) return;
  try {
    const places = await changeSignals(ports, zone, isWanted);
    const state = isWanted && places > 0 ? 'published' : undefined;
    await noteSignals(ports, zoneId, state, state === undefined ? 'signals-removed' : 'signals-published');
  } catch (error) {
    if (!(error instanceof DnssecError)) throw error;
    await noteSignals(ports, zoneId, `failed: ${messageOf(error).slice(0, 500)}`, 'signals-failed');
  }
}

/** Take away the signals of a zone that is about to be deleted. @throws DnssecError when a zone that holds them cannot be changed */
export async function withdrawSignals(ports: ZonePorts, zone: ManagedZone): Promise<void> {
  if (zone.signing?.signals !== undefined) await changeSignals(ports, zone, false);
}

/** The parent is not known to have a DS, and is asked for one. */
function isBootstrapping(signing: ZoneSigning): boolean {
  const isKnown = Object.values(signing.parent).some(({ kind }) => kind !== 'nowhere');
  return publicationOf(signing).cds.kind === 'set' && !isKnown;
}

/** @returns at how many names there is a zone for signals */
async function changeSignals(ports: ZonePorts, zone: ManagedZone, isWanted: boolean): Promise<number> {
  const apex = apexOf(zone);
  const own = await ports.store.viewOf(zone.id).rrsetsAt(orderKeyOf(apex));
  const ns = own.find(({ rrset }) => rrset.type === rrTypes.NS)?.rrset.rdatas ?? [];
  const named = new Set(ns.map((rdata) => canonicalName(rdata as Octets as Name)));
  const ours = ports.nameServers.map((name) => canonicalName(parseName(name))).filter((name) => named.has(name));
  const keySet = own.map(({ rrset }) => rrset).filter(({ type }) => signalTypes.includes(type));
  let places = 0;
  for (const nameServer of ours) {
    const owner = findSignallingName(apex, nameServer);
    const holder = owner === undefined ? undefined : await findHolder(ports, owner, zone.id);
    if (owner === undefined || holder === undefined) continue;
    places += 1;
    const wanted = isWanted ? composeSignals(apex, [nameServer], keySet) : [];
    const reason = `${isWanted ? 'signals for' : 'no more signals for'} ${formatName(apex)}`;
    await publishVersion(ports, holder.id, { reason }, async ({ signing }) => ({
      edits: editsOf(owner, wanted, signing?.policy.maxTtl ?? 0),
    }));
  }
  return places;
}

function editsOf(owner: CanonicalName, wanted: readonly RRset[], maxTtl: number): ContentEdit[] {
  return signalTypes.map((type) => {
    const rrset = wanted.find((one) => one.type === type);
    return { owner, type, after: rrset && { rrset: { ...rrset, ttl: Math.min(rrset.ttl, maxTtl) } } };
  });
}

/** Find the nearest zone around a name, if it is signed: the name may be in no zone of ours at all. */
async function findHolder(ports: ZonePorts, owner: CanonicalName, except: number): Promise<ManagedZone | undefined> {
  for (let name = parentOf(owner); name !== undefined; name = parentOf(name)) {
    const found = await ports.store.findZoneByName(formatName(name).replace(/\.$/, ''));
    if (found !== undefined) return found.signing === undefined || found.id === except ? undefined : found;
  }
  return undefined;
}

async function noteSignals(
  ports: ZonePorts,
  zoneId: number,
  state: string | undefined,
  kind: ZoneEvent['kind'],
): Promise<void> {
  const texts: Partial<Record<ZoneEvent['kind'], string>> = {
    'signals-published':
      'the name servers vouch for the CDS records, so that the parent can take them for the first DS',
    'signals-removed': 'the name servers vouch for the CDS records no more',
  };
  await noteZone(ports, zoneId, async (current) => {
    if (current.signing === undefined || current.signing.signals === state) return undefined;
    const { signals: _, ...rest } = current.signing;
    const signing = { ...rest, ...(state === undefined ? {} : { signals: state }) };
    const text = texts[kind] ?? `the signals for the parent could not be changed: ${state}`;
    return { zone: { ...current, signing }, news: { events: [{ kind, at: ports.clock.now(), text }] } };
  });
}
