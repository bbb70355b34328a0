import { secondsOf } from '#lib/clock.ts';
import type { Octets } from '#lib/octets.ts';
import { orderKeyOf } from '#dns/name.ts';
import { eventsOfStep } from '#dnssec/core/managed/describe-moves.ts';
import type { SigningKey, SigningRound, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { Transition } from '#dnssec/core/rollover/advance.ts';
import { advanceZone, isReadyToUnsign, type ZoneStep } from '#dnssec/core/managed/zone-rollover.ts';
import type { State } from '#dnssec/core/rollover/key-state.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { composeKeySet, keySetTypes } from '#dnssec/operations/zones/compose-key-set.ts';
import { isLarge } from '#dnssec/operations/zones/large-zones.ts';
import { awaitingInterval, lookAtParent } from '#dnssec/operations/zones/look-at-parent.ts';
import type { ContentEdit } from '#dnssec/operations/zones/content-edits.ts';
import { publishVersion, type VersionWish } from '#dnssec/operations/zones/publish-version.ts';
import { signWholeZone } from '#dnssec/operations/zones/sign-whole-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { KeyNews, ManagedZone, StoredLink, StoredRRset, StoredZoneView } from '#dnssec/ports-zones.ts';

/** Signatures that are renewed in one version. */
const together = 500;

/** Publish one version after the other until nothing is left to do now. @throws DnssecError as publishing does */
export async function publishSteps(ports: ZonePorts, zoneId: number): Promise<void> {
  const cause = { reason: 'renewal of signatures' };
  for (;;) {
    const { isWritten } = await publishVersion(ports, zoneId, cause, (zone, view) => nextStep(ports, zone, view));
    if (!isWritten) break;
  }
  const { signing } = await ports.store.getZone(zoneId);
  if (signing === undefined || !isReadyToUnsign(advanceZone(signing, secondsOf(ports.clock)).signing)) return;
  // A DS that nobody told of would make the unsigned zone bogus: the parent is looked at once more.
  await lookAtParent(ports, zoneId, true);
  const { runApart } = ports;
  if (runApart === undefined || !(await isLarge(ports, zoneId))) await unsign(ports, zoneId);
  else await ports.locks.run(zoneId, () => runApart('unsign', [zoneId]));
}

/** Publish a zone unsigned, if no resolver can hold a DS of it. */
export async function unsign(ports: ZonePorts, zoneId: number): Promise<void> {
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
  const moved = isMoving ? await wishOfStep(ports, zone, view, advanced) : { edits: [], signing: advanced.signing };
  return {
    ...(!isMoving && slice !== undefined ? { reason: 'signatures of other keys' } : {}),
    ...moved,
    renewals: {
      rrsets: distinct([...(moved.renewals?.rrsets ?? []), ...(slice?.rrsets ?? []), ...due.rrsets]),
      links: [...new Map([...(slice?.links ?? []), ...due.links].map((link) => [link.place, link])).values()],
    },
    signing: { ...moved.signing, ...(slice === undefined ? {} : { round: slice.round }) },
  };
}

/** Publish what follows from a step of a zone's rollovers. */
export async function wishOfStep(
  ports: ZonePorts,
  zone: ManagedZone,
  view: StoredZoneView,
  step: ZoneStep,
): Promise<VersionWish & { readonly signing: ZoneSigning }> {
  const { edits, rrsets } = await keySetOf(zone, view, step);
  const now = secondsOf(ports.clock);
  const { probeAt = Infinity } = step.signing;
  const isParentAsked = step.transitions.some(({ record, to }) => record === 'ds' && isOurs(to));
  const lookAt = ports.parentProbe !== undefined && isParentAsked ? now + awaitingInterval(step.signing) : Infinity;
  return {
    reason: 'step of a key rollover',
    edits,
    renewals: { rrsets, links: [] },
    signing: {
      ...step.signing,
      ...(rrsets.length > 0 ? { keySetAt: now } : {}),
      ...(lookAt < probeAt ? { probeAt: lookAt } : {}),
    },
    news: newsOf(zone.signing?.keys ?? [], step, ports.clock.now()),
  };
}

function distinct(rrsets: readonly StoredRRset[]): StoredRRset[] {
  return [...new Map(rrsets.map((entry) => [`${entry.rrset.type} ${entry.key}`, entry])).values()];
}

function newsOf(keys: readonly SigningKey[], step: ZoneStep, at: number): KeyNews {
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
  if (!transitions.some(changesKeySet)) return { edits, rrsets: [] };
  const there = await view.rrsetsAt(orderKeyOf(apex));
  return { edits, rrsets: there.filter(({ rrset }) => isOfKeySet(rrset.type) && isKept(edits, rrset.type)) };
}

/** What only time has changed is published as before. */
function changesKeySet({ record, to }: Transition): boolean {
  return (record === 'dnskey' || record === 'krrsig') && isOurs(to);
}

function isOurs(to: State): boolean {
  return to === 'rumoured' || to === 'unretentive';
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
  if (round.kind === 'links') return { rrsets: [], ...(await sliceOfLinks(ports, zone, together, round.after, now)) };
  const apexKey = orderKeyOf(apexOf(zone));
  const page = await ports.store.readRRsets(zone.id, together, round.after);
  const last = page.at(-1);
  const isLast = last === undefined || page.length < together;
  return {
    rrsets: page.filter(({ rrset, rrsigs, key }) => rrsigs.length > 0 && !(key === apexKey && isOfKeySet(rrset.type))),
    ...(isLast
      ? await sliceOfLinks(ports, zone, together - page.length, undefined, now)
      : { links: [], round: { kind: 'rrsets', after: { key: last.key, type: last.rrset.type } } }),
  };
}

async function sliceOfLinks(
  { store }: Pick<ZonePorts, 'store'>,
  { id }: ManagedZone,
  limit: number,
  after: Octets | undefined,
  now: number,
): Promise<Pick<Slice, 'links' | 'round'>> {
  const links = await store.readLinks(id, limit, after);
  const last = links.at(-1);
  const isLast = last === undefined || links.length < limit;
  return { links, round: isLast ? { kind: 'done', at: now } : { kind: 'links', after: last.place } };
}
