import { messageOf } from '#lib/errors.ts';
import { secondsOf } from '#lib/clock.ts';
import { orderKeyOf } from '#dns/name.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { eventsOfStep } from '#dnssec/core/managed/describe-moves.ts';
import { runwayOf } from '#dnssec/core/managed/runway.ts';
import type { SigningRound, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { advanceZone, dueTime, isReadyToUnsign, type ZoneStep } from '#dnssec/core/managed/zone-rollover.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { composeKeySet, keySetTypes } from '#dnssec/operations/zones/compose-key-set.ts';
import { introduceSuccessors, isNews } from '#dnssec/operations/zones/introduce-successors.ts';
import { lookAtParent } from '#dnssec/operations/zones/look-at-parent.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import { type ContentEdit, publishVersion, type VersionWish } from '#dnssec/operations/zones/publish-version.ts';
import { signWholeZone } from '#dnssec/operations/zones/sign-whole-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { KeyNews, ManagedZone, StoredLink, StoredRRset, StoredZoneView } from '#dnssec/ports-zones.ts';

/** Signatures that are renewed in one version. */
const together = 500;
/** Seconds before a zone is tried again that could not be tended when somebody asked for it. */
const retryAfter = 60;

/**
 * Do everything that is due for a zone: renew signatures, look at what the parent shows, take up new versions of its KMS
 * keys, advance its rollovers and publish what follows, a few hundred signatures to a version, and set when it is due
 * again. It needs nothing but the zone's number, may be repeated and broken off at any time, and may run in several
 * processes at once: each step is one transaction that is made for the state that was read.
 *
 * What fails leaves the zone published as it is; who calls notes that. Renewals come first, so that nothing else can hold
 * them up.
 *
 * @throws DnssecError kms-refused, kms-unavailable, key-invalid, signature-invalid, signing-refused, conflict, not-found
 */
export async function tendZone(ports: ZonePorts, zoneId: number): Promise<void> {
  await publishSteps(ports, zoneId);
  const isParentNews = await lookAtParent(ports, zoneId);
  const isKmsNews = await introduceSuccessors(ports, zoneId);
  if (isParentNews || isKmsNews) await publishSteps(ports, zoneId);
  await settle(ports, zoneId);
}

/** Tend a zone after a change that is made already: what fails is in the status of the zone, and is tried again. */
export async function tendNoted(ports: ZonePorts, zoneId: number): Promise<void> {
  try {
    await tendZone(ports, zoneId);
  } catch (error) {
    if (!(error instanceof DnssecError)) throw error;
    await noteFailure(ports, zoneId, error, retryAfter);
  }
}

/** Publish one version after the other until nothing is left to do now. */
async function publishSteps(ports: ZonePorts, zoneId: number): Promise<void> {
  const cause = { reason: 'renewal of signatures' };
  for (;;) {
    const { isWritten } = await publishVersion(ports, zoneId, cause, (zone, view) => nextStep(ports, zone, view));
    if (!isWritten) break;
  }
  const { signing } = await ports.store.getZone(zoneId);
  if (signing !== undefined && isReadyToUnsign(advanceZone(signing, secondsOf(ports.clock)).signing))
    await unsign(ports, zoneId);
}

async function unsign(ports: ZonePorts, zoneId: number): Promise<void> {
  const cause = { reason: 'no resolver holds a DS any more: published unsigned' };
  await signWholeZone(ports, zoneId, cause, ({ signing }) => {
    const at = ports.clock.now();
    const step = signing && advanceZone(signing, Math.floor(at / 1000));
    if (signing === undefined || step === undefined || !isReadyToUnsign(step.signing)) return undefined;
    const text = 'the zone is published unsigned: no resolver holds a DS of it any more';
    const events = [...eventsOfStep(signing.keys, step, at), { kind: 'unsigned' as const, at, text }];
    return { signing: undefined, news: { events, kmsKeys: [] } };
  });
}

/** What is to be done next; nothing when all is done. */
async function nextStep(ports: ZonePorts, zone: ManagedZone, view: StoredZoneView): Promise<VersionWish> {
  if (zone.signing === undefined) return { edits: [] };
  const now = secondsOf(ports.clock);
  const advanced = advanceZone(zone.signing, now);
  if (isReadyToUnsign(advanced.signing)) return { edits: [] };
  const slice = await nextSlice(ports, zone, advanced.signing.round, now);
  const due = {
    rrsets: await ports.store.dueRRsets(zone.id, now, together),
    links: await ports.store.dueLinks(zone.id, now, together),
  };
  const isMoving = advanced.transitions.length > 0 || advanced.released.length > 0;
  if (!isMoving && slice === undefined && due.rrsets.length + due.links.length === 0) return { edits: [] };
  const keySet = isMoving ? await keySetOf(zone, view, advanced) : { edits: [], rrsets: [] };
  const signing: ZoneSigning = {
    ...advanced.signing,
    ...(slice === undefined ? {} : { round: slice.round }),
    ...(keySet.rrsets.length > 0 ? { keySetAt: now } : {}),
  };
  return {
    ...(isMoving ? { reason: 'step of a key rollover' } : {}),
    ...(!isMoving && slice !== undefined ? { reason: 'signatures of other keys' } : {}),
    edits: keySet.edits,
    renewals: {
      rrsets: distinct([...keySet.rrsets, ...(slice?.rrsets ?? []), ...due.rrsets]),
      links: [...new Map([...(slice?.links ?? []), ...due.links].map((link) => [link.place, link])).values()],
    },
    signing,
    news: newsOf(zone.signing, advanced, ports.clock.now()),
  };
}

function distinct(rrsets: readonly StoredRRset[]): StoredRRset[] {
  return [...new Map(rrsets.map((entry) => [`${entry.rrset.type} ${entry.key}`, entry])).values()];
}

function newsOf({ keys }: ZoneSigning, step: ZoneStep, at: number): KeyNews {
  const events = eventsOfStep(keys, step, at);
  if (step.released.length === 0) return { events };
  return { events, kmsKeys: step.signing.keys.map(({ region, keyId }) => ({ region, keyId })) };
}

/** The key set as it is from now on, and what of it is there, and signed anew. */
async function keySetOf(
  zone: ManagedZone,
  view: StoredZoneView,
  { signing, transitions }: ZoneStep,
): Promise<{ readonly edits: ContentEdit[]; readonly rrsets: StoredRRset[] }> {
  const apex = apexOf(zone);
  const edits = composeKeySet(apex, signing).map(({ type, rrset }) => ({
    owner: apex,
    type,
    after: rrset === undefined ? undefined : { rrset },
  }));
  if (!transitions.some(({ record }) => record === 'dnskey' || record === 'krrsig')) return { edits, rrsets: [] };
  const there = await view.rrsetsAt(orderKeyOf(apex));
  return { edits, rrsets: there.filter(({ rrset }) => isOfKeySet(rrset.type) && isKept(edits, rrset.type)) };
}

function isOfKeySet(type: number): boolean {
  return keySetTypes.some((one) => one === type);
}

function isKept(edits: readonly ContentEdit[], type: number): boolean {
  return edits.some((edit) => edit.type === type && edit.after !== undefined);
}

interface Slice {
  readonly rrsets: readonly StoredRRset[];
  readonly links: readonly StoredLink[];
  /** The round as it stands after this slice. */
  readonly round: SigningRound;
}

/** The next part of what other keys sign from now on. */
async function nextSlice(
  ports: ZonePorts,
  zone: ManagedZone,
  round: SigningRound,
  now: number,
): Promise<Slice | undefined> {
  if (round.kind === 'done') return undefined;
  if (round.kind === 'links') {
    const links = await ports.store.readLinks(zone.id, together, round.after);
    const last = links.at(-1);
    const isLast = last === undefined || links.length < together;
    return { rrsets: [], links, round: isLast ? { kind: 'done', at: now } : { kind: 'links', after: last.place } };
  }
  const page = await ports.store.readRRsets(zone.id, together, round.after);
  const last = page.at(-1);
  const isLast = last === undefined || page.length < together;
  return {
    rrsets: page.filter(({ rrset, rrsigs }) => rrsigs.length > 0 && !isOfKeySet(rrset.type)),
    links: [],
    round: isLast ? { kind: 'links' } : { kind: 'rrsets', after: { key: last.key, type: last.rrset.type } },
  };
}

/** Set when the zone is due again, now that all that was due is done. */
async function settle(ports: ZonePorts, zoneId: number): Promise<void> {
  await noteZone(ports, zoneId, async (before) => {
    const { refreshAt: _r, dueAt: _d, ...zone } = before;
    if (before.signing === undefined) return before.dueAt === undefined ? undefined : { zone };
    const { wakeAt: _w, lastSignError: _l, isRunwayLow: _i, ...rest } = before.signing;
    const { wakeAt } = advanceZone(before.signing, secondsOf(ports.clock)).signing;
    const signing = { ...rest, ...(wakeAt === undefined ? {} : { wakeAt }) };
    const heard = await ports.store.kmsKeysOf(zoneId);
    if (heard.some((one) => isNews(signing, one))) return undefined; // heard meanwhile, and due now
    const refreshAt = await ports.store.firstRefresh(zoneId);
    const settled = { ...zone, signing, ...(refreshAt === undefined ? {} : { refreshAt }) };
    const dueAt = dueTime(settled);
    const after = dueAt === undefined ? settled : { ...settled, dueAt };
    return standingOf(after) === standingOf(before) ? undefined : { zone: after };
  });
}

function standingOf({ signing, refreshAt, dueAt }: ManagedZone): string {
  const { wakeAt, lastSignError, isRunwayLow } = signing ?? {};
  return JSON.stringify([wakeAt, lastSignError, isRunwayLow, refreshAt, dueAt]);
}

/** Note why a zone could not be tended, and that it is due again after some seconds; tell once that its signatures run out. */
export async function noteFailure(ports: ZonePorts, zoneId: number, error: unknown, rest: number): Promise<void> {
  await noteZone(ports, zoneId, async (zone) => {
    if (zone.signing === undefined) return undefined;
    const now = ports.clock.now();
    const message = messageOf(error).slice(0, 500);
    const first = await ports.store.firstRefresh(zoneId);
    const runway = first === undefined ? undefined : runwayOf(zone.signing, first, Math.floor(now / 1000));
    const isLow = runway?.isLow === true;
    const text = `signatures of the zone run out for the first resolver in ${runway?.seconds} s: ${message}`;
    const isToldFirst = isLow && zone.signing.isRunwayLow !== true;
    const signing = { ...zone.signing, lastSignError: message, ...(isLow ? { isRunwayLow: true } : {}) };
    return {
      zone: { ...zone, signing, dueAt: Math.floor(now / 1000) + rest },
      ...(isToldFirst ? { news: { events: [{ kind: 'runway-low', at: now, text, details: { ...runway } }] } } : {}),
    };
  });
}
