import type { Octets } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, formatName, type Name, orderKeyOf } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { nextSerial } from '#dns/serial.ts';
import { parseSoa, withSerial } from '#dns/soa.ts';
import { ChangedView } from '#dnssec/core/change/changed-view.ts';
import { nsec3Links, nsecLinks } from '#dnssec/core/change/link-makers.ts';
import { type ChangePlan, type DenialRules, planChange, rowName } from '#dnssec/core/change/plan-change.ts';
import type { SignedRRset } from '#dnssec/core/change/zone-view.ts';
import { denialTtl } from '#dnssec/core/denial/nsec.ts';
import { defaultNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { SigningPolicy, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { dueTime, newestTtl, noteTtls } from '#dnssec/core/managed/zone-rollover.ts';
import { planRRset } from '#dnssec/core/signing/plan.ts';
import { parseRrsig } from '#dnssec/core/signing/rrsig.ts';
import { checkOwner } from '#dnssec/core/zone/checks.ts';
import { formatFault, type ZoneFault } from '#dnssec/core/zone/faults.ts';
import { signPlanned } from '#dnssec/operations/sign-planned.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { signZonemd, zonemdEdit } from '#dnssec/operations/zones/digest-version.ts';
import { composeDifferences } from '#dnssec/operations/zones/differences.ts';
import { rememberingView } from '#dnssec/operations/zones/remembering-view.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { type ZoneSigners, zoneSigners } from '#dnssec/operations/zones/zone-signers.ts';
import type {
  KeyNews,
  ManagedZone,
  RecordContent,
  StoredLink,
  StoredRRset,
  StoredZoneView,
  VersionChange,
} from '#dnssec/ports-zones.ts';

/** An RRset that is put or taken away by a change of a zone. */
export interface ContentEdit {
  readonly owner: Name;
  readonly type: RRType;
  readonly after: { readonly rrset: RRset; readonly content?: RecordContent | undefined } | undefined;
}

/** What the next version of a zone is to be. */
export interface VersionWish {
  readonly edits: readonly ContentEdit[];
  /** RRsets and links that stay as they are and get new signatures. */
  readonly renewals?: { readonly rrsets: readonly StoredRRset[]; readonly links: readonly StoredLink[] };
  /** How the zone is signed from this version on; absent while that stays as it is. */
  readonly signing?: ZoneSigning;
  /** Written together with the version. */
  readonly news?: KeyNews;
  /** Takes the place of the reason that the caller gave. */
  readonly reason?: string;
}

/** Who changes a zone, and why, for its history. */
export interface ChangeCause {
  readonly reason: string;
  readonly principal?: string | undefined;
}

/** What a change did, or would do. */
export interface PublishedVersion {
  readonly zone: ManagedZone;
  /** Absent when nothing changed, so that no version was made. */
  readonly change?: VersionChange;
  /** Whether anything was written, be it without a new version. */
  readonly isWritten: boolean;
  readonly warnings: readonly ZoneFault[];
}

/** How often a change is made anew when another process was first. */
const attempts = 5;

/**
 * Make a new version of a zone: check the change, plan what follows from it, have it signed, verify every signature, and
 * publish it all as one version. Whatever fails leaves the former version published.
 *
 * @param compute says what is to become of the version that is there; called again when another process was first
 * @throws DnssecError zone-invalid, conflict, kms-refused, kms-unavailable, signature-invalid, signing-refused
 */
export async function publishVersion(
  ports: ZonePorts,
  zoneId: number,
  cause: ChangeCause,
  compute: (zone: ManagedZone, view: StoredZoneView) => Promise<VersionWish>,
  options: { readonly dryRun?: boolean } = {},
): Promise<PublishedVersion> {
  return ports.locks.run(zoneId, async () => {
    for (let attempt = 1; ; attempt++) {
      const zone = await ports.store.getZone(zoneId);
      const view = rememberingView(ports.store.viewOf(zoneId));
      const wish = await compute(zone, view);
      const prepared = await prepareVersion(ports, zone, view, wish, cause);
      const isNothing = prepared.change === undefined && wish.signing === undefined;
      if (isNothing || options.dryRun === true) return { ...prepared, isWritten: false };
      try {
        if (prepared.change === undefined) await ports.store.noteSigning(prepared.zone, wish.news);
        else await ports.store.publish(prepared.change);
      } catch (error) {
        if (attempt < attempts && error instanceof DnssecError && error.code === 'conflict') continue;
        throw error;
      }
      if (prepared.change !== undefined) ports.onPublished(prepared.zone);
      return { ...prepared, isWritten: true };
    }
  });
}

async function prepareVersion(
  ports: ZonePorts,
  before: ManagedZone,
  view: StoredZoneView,
  wish: VersionWish,
  cause: ChangeCause,
): Promise<Omit<PublishedVersion, 'isWritten'>> {
  const now = ports.clock.now();
  const edits = await withoutRepetitions(view, wish.edits);
  const { renewals = { rrsets: [], links: [] }, news = {} } = wish;
  const zone = { ...before, ...(wish.signing === undefined ? {} : { signing: wish.signing }), state: before.state + 1 };
  if (edits.length + renewals.rrsets.length + renewals.links.length === 0)
    return { zone: wish.signing === undefined ? before : withDue(zone), warnings: [] };
  const apex = apexOf(zone);
  const serial = nextSerial(zone.serial, zone.signing?.policy.serial ?? 'increment', Math.floor(now / 1000));
  const soa = await soaEdit(view, apex, edits, serial);
  const zonemd = zone.signing?.policy.zonemd === true ? [zonemdEdit(soa.after.rrset, serial)] : [];
  const all = [...edits.filter(({ owner, type }) => !isSoa(owner, type, apex)), soa, ...zonemd];
  const after = new ChangedView(view);
  for (const { owner, type, after: put } of all) {
    const key = orderKeyOf(canonicalName(owner));
    after.set(key, type, put === undefined ? undefined : { key, rrset: put.rrset, rrsigs: [] });
  }
  const warnings = await checkChange(after, apex, edits, zone.signing?.policy.maxTtl);
  const removedRRsets = all.flatMap(({ owner, type, after: put }) =>
    put === undefined ? [{ key: orderKeyOf(canonicalName(owner)), type }] : [],
  );
  const open = { view, after, edits: all, removedRRsets, renewals };
  const signed = await signChange(ports, { ...zone, serial }, open, Math.floor(now / 1000));
  const { signing } = zone;
  // A smaller TTL of one RRset says nothing of the others.
  const largest = Math.max(largestTtl(edits), signing === undefined ? 0 : newestTtl(signing.ttls, 'zone'));
  const ttls = { zone: largest, negative: await ttlOfDenial(after, apex) };
  const next: ManagedZone = withDue({
    ...zone,
    version: zone.version + 1,
    serial,
    ...(signing === undefined
      ? {}
      : { signing: publishedSigning(before.signing, signing, { begun: now, published: ports.clock.now() }, ttls) }),
    ...refreshOf(zone, [...signed.rrsets, ...signed.links]),
  });
  const changeWithoutList = {
    zone: next,
    ...signed,
    ...news,
    removedRRsets,
    clearLinks: false,
  };
  const differences = await composeDifferences(view, changeWithoutList);
  const { principal } = cause;
  const version = {
    version: next.version,
    serial,
    at: now,
    reason: wish.reason ?? cause.reason,
    ...(principal === undefined ? {} : { principal }),
    removed: differences.removed.length,
    added: differences.added.length,
  };
  return { zone: next, change: { ...changeWithoutList, version, differences }, warnings };
}

/**
 * Note what a version that is about to be published changes of how a zone stands. What happens with the publication is
 * counted from it, however long the signing took: that the key set is another one, and that a round of signing is over.
 *
 * @param before how it stood
 * @param times in milliseconds
 * @param ttls the largest of its RRsets, and that of its denials, in seconds
 */
export function publishedSigning(
  before: ZoneSigning | undefined,
  signing: ZoneSigning,
  times: { readonly begun: number; readonly published: number },
  ttls: { readonly zone: number; readonly negative: number },
): ZoneSigning {
  const { lastSignError: _, isRunwayLow: _r, keySetAt, round, ...rest } = signing;
  const at = Math.ceil(times.published / 1000);
  const isRoundOver = round.kind === 'done' && (before?.round.kind !== 'done' || before.round.at !== round.at);
  return {
    ...rest,
    keySetAt: keySetAt === before?.keySetAt ? keySetAt : at,
    round: isRoundOver ? { kind: 'done', at } : round,
    ttls: noteTtls(signing, { ...ttls, dnskey: signing.policy.dnskeyTtl }, at),
    lastSignedAt: times.begun,
  };
}

function largestTtl(edits: readonly ContentEdit[]): number {
  return edits.reduce((largest, { after }) => Math.max(largest, after?.rrset.ttl ?? 0), 0);
}

/** What was due before stays due: only the tending of the zone knows that it is done. */
function withDue(zone: ManagedZone): ManagedZone {
  const { dueAt: before, ...rest } = zone;
  const times = [before, dueTime(zone)].filter((time) => time !== undefined);
  return times.length === 0 ? rest : { ...rest, dueAt: Math.min(...times) };
}

/** The time of the first renewal can only come nearer by a change; that it moved away is found when it has come. */
export function refreshOf(
  { refreshAt = Infinity }: Pick<ManagedZone, 'refreshAt'>,
  written: readonly { readonly refreshAt?: number }[],
): { refreshAt?: number } {
  let first = refreshAt;
  for (const entry of written) first = Math.min(first, entry.refreshAt ?? Infinity);
  return first === Infinity ? {} : { refreshAt: first };
}

/** Leave out edits that change nothing. */
async function withoutRepetitions(view: StoredZoneView, edits: readonly ContentEdit[]): Promise<ContentEdit[]> {
  const kept: ContentEdit[] = [];
  for (const edit of edits) {
    const stored = await findRRset(view, canonicalName(edit.owner), edit.type);
    if (!isSame(stored, edit.after)) kept.push(edit);
  }
  return kept;
}

function isSame(stored: StoredRRset | undefined, after: ContentEdit['after']): boolean {
  if (stored === undefined || after === undefined) return stored === undefined && after === undefined;
  const { rrset, content } = after;
  return (
    stored.rrset.ttl === rrset.ttl &&
    stored.rrset.owner === rrset.owner &&
    stored.rrset.rdatas.join('\n') === rrset.rdatas.join('\n') &&
    JSON.stringify(stored.content?.values) === JSON.stringify(content?.values)
  );
}

/** Find an RRset of a version. */
export async function findRRset(
  view: StoredZoneView,
  owner: CanonicalName,
  type: RRType,
): Promise<StoredRRset | undefined> {
  return (await view.rrsetsAt(orderKeyOf(owner))).find(({ rrset }) => rrset.type === type);
}

function isSoa(owner: Name, type: RRType, apex: CanonicalName): boolean {
  return type === rrTypes.SOA && canonicalName(owner) === apex;
}

async function soaEdit(
  view: StoredZoneView,
  apex: CanonicalName,
  edits: readonly ContentEdit[],
  serial: number,
): Promise<ContentEdit & { readonly after: object }> {
  const edited = edits.find(({ owner, type }) => isSoa(owner, type, apex))?.after?.rrset;
  const soa = edited ?? (await findRRset(view, apex, rrTypes.SOA))?.rrset;
  if (soa === undefined) throw new DnssecError('zone-invalid', `${formatName(apex)} has no SOA`);
  const rdatas = [withSerial(soa.rdatas[0] as Rdata, serial)];
  return { owner: apex, type: rrTypes.SOA, after: { rrset: { ...soa, rdatas } } };
}

/** Legal, but there are name servers that load no zone with it: secondaries would stay behind. */
export const refusedBySecondaries: ReadonlySet<string> = new Set(['wildcard-delegation']);

/** Check the owners that a change touches. @throws DnssecError zone-invalid with all errors at once */
async function checkChange(
  after: ChangedView,
  apex: CanonicalName,
  edits: readonly ContentEdit[],
  maxTtl: number | undefined,
): Promise<ZoneFault[]> {
  const faults: ZoneFault[] = [];
  for (const owner of new Set(edits.map((edit) => canonicalName(edit.owner)))) {
    const rrsets = (await after.rrsetsAt(orderKeyOf(owner))).map(({ rrset }) => rrset);
    faults.push(...checkOwner({ apex, owner, rrsets }, maxTtl === undefined ? {} : { maxTtl }));
  }
  const errors = faults.filter(({ severity, code }) => severity === 'error' || refusedBySecondaries.has(code));
  if (errors.length === 0) return faults;
  throw new DnssecError('zone-invalid', `the change is refused: ${errors.map(formatFault).join('; ')}`, {
    details: { faults: errors.map((fault) => ({ code: fault.code, message: formatFault(fault) })) },
  });
}

/** How a policy denies existence. */
export function denialRules({ denial, optOut }: SigningPolicy, apex: CanonicalName): DenialRules {
  if (denial === 'nsec') return { kind: 'nsec', links: nsecLinks };
  return { kind: 'nsec3', links: nsec3Links({ ...defaultNsec3, optOut }, apex), optOut };
}

type Written = Pick<VersionChange, 'rrsets' | 'links' | 'removedLinks'>;

/** A change between its planning and its signing. */
interface OpenChange {
  readonly view: StoredZoneView;
  readonly after: ChangedView;
  readonly edits: readonly ContentEdit[];
  readonly removedRRsets: VersionChange['removedRRsets'];
  readonly renewals: NonNullable<VersionWish['renewals']>;
}

async function signChange(ports: ZonePorts, zone: ManagedZone, open: OpenChange, now: number): Promise<Written> {
  const { view, after, edits, removedRRsets, renewals } = open;
  const { signing } = zone;
  const contents = new Map(
    edits.map(({ owner, type, after: put }) => [rowName(orderKeyOf(canonicalName(owner)), type), put?.content]),
  );
  if (signing === undefined) {
    const put = edits.flatMap(({ after: one }) => (one === undefined ? [] : [one]));
    const rrsets = put.map(({ rrset, content }) => ({
      key: orderKeyOf(canonicalName(rrset.owner)),
      rrset,
      rrsigs: [],
      ...(content === undefined ? {} : { content }),
    }));
    return { rrsets, links: [], removedLinks: [] };
  }
  const apex = apexOf(zone);
  const changes = edits.map(({ owner, type, after: put }) => ({ owner, type, after: put?.rrset }));
  const planned = await planChange(apex, view, after, view, changes, denialRules(signing.policy, apex));
  const plan = withRenewals(planned, renewals);
  const signers = zoneSigners(ports, zone, signing, now);
  const zonemd = plan.toSign.filter(({ rrset }) => rrset.type === rrTypes.ZONEMD);
  const others = { ...plan, toSign: plan.toSign.filter((entry) => !zonemd.includes(entry)) };
  const written = await signPlan(others, await ttlOfDenial(after, apex), signing.policy, signers);
  // What a plan neither signs nor strips is published unsigned, as glue is.
  const isPlanned = new Set([...written.rrsets, ...zonemd].map(({ key, rrset }) => rowName(key, rrset.type)));
  const unsigned = edits.flatMap(({ owner, type, after: put }) => {
    const key = orderKeyOf(canonicalName(owner));
    return put === undefined || isPlanned.has(rowName(key, type)) ? [] : [{ key, rrset: put.rrset, rrsigs: [] }];
  });
  const rrsets: StoredRRset[] = [];
  for (const entry of [...written.rrsets, ...unsigned]) {
    const name = rowName(entry.key, entry.rrset.type);
    const content = contents.has(name) ? contents.get(name) : await contentOf(view, entry);
    rrsets.push(content === undefined ? entry : { ...entry, content });
  }
  for (const { key, rrset } of zonemd) {
    const change = { ...written, rrsets, removedRRsets, clearLinks: false, kept: true };
    const digest = await signZonemd(ports, zone, change, rrset, signers);
    rrsets.push({ key, ...digest, refreshAt: refreshTime(digest.rrsigs, signing.policy) });
  }
  return { ...written, rrsets };
}

/** Add what is to be renewed and is not changed anyway. */
function withRenewals(plan: ChangePlan, { rrsets, links }: NonNullable<VersionWish['renewals']>): ChangePlan {
  const rows = new Set([...plan.toSign, ...plan.toStrip].map(({ key, rrset }) => rowName(key, rrset.type)));
  const places = new Set([...plan.chain.written, ...plan.chain.removed].map(({ place }) => place));
  const toSign = [...plan.toSign, ...rrsets.filter(({ key, rrset }) => !rows.has(rowName(key, rrset.type)))];
  const written = [...plan.chain.written, ...links.filter(({ place }) => !places.has(place))];
  return { ...plan, toSign, chain: { ...plan.chain, written } };
}

async function contentOf(view: StoredZoneView, { rrset }: SignedRRset): Promise<RecordContent | undefined> {
  return (await findRRset(view, canonicalName(rrset.owner), rrset.type))?.content;
}

async function ttlOfDenial(after: ChangedView, apex: CanonicalName): Promise<number> {
  const soa = (await after.rrsetsAt(orderKeyOf(apex))).find(({ rrset }) => rrset.type === rrTypes.SOA)?.rrset;
  if (soa === undefined) throw new DnssecError('zone-invalid', `${formatName(apex)} has no SOA`);
  return denialTtl(soa.ttl, parseSoa(soa.rdatas[0] as Rdata).minimum);
}

/** Have all that a plan names signed and verified. */
async function signPlan(
  { toSign, toStrip, chain }: ChangePlan,
  ttl: number,
  policy: SigningPolicy,
  { context, signer }: ZoneSigners,
): Promise<Written> {
  const type = policy.denial === 'nsec' ? rrTypes.NSEC : rrTypes.NSEC3;
  const links = chain.written.map((link) => ({
    link,
    rrset: { owner: link.owner, type, ttl, rdatas: [link.rdata] },
  }));
  const planned = [...toSign, ...links].map(({ rrset }) => planRRset(context, canonicalName(rrset.owner), rrset));
  const verified = await signPlanned(planned, signer);
  const rrsets: StoredRRset[] = toSign.map(({ key, rrset }, index) => {
    const rrsigs = verified[index]?.rrsigs ?? [];
    return { key, rrset, rrsigs, refreshAt: refreshTime(rrsigs, policy) };
  });
  const storedLinks: StoredLink[] = links.map(({ link }, index) => {
    const rrsigs = verified[toSign.length + index]?.rrsigs ?? [];
    return { ...link, ttl, rrsigs, refreshAt: refreshTime(rrsigs, policy) };
  });
  const stripped = toStrip.map(({ key, rrset }) => ({ key, rrset, rrsigs: [] }));
  const removedLinks: Octets[] = chain.removed.map(({ place }) => place);
  return { rrsets: [...rrsets, ...stripped], links: storedLinks, removedLinks };
}

/** When signatures are due for their renewal, in seconds. */
export function refreshTime(rrsigs: readonly Rdata[], { refresh }: SigningPolicy): number {
  return Math.min(...rrsigs.map((rrsig) => parseRrsig(rrsig).expiration)) - refresh;
}
