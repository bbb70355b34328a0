import type { Octets } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, type OrderKey, orderKeyOf } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { nextSerial } from '#dns/serial.ts';
import { parseSoa, withSerial } from '#dns/soa.ts';
import { rowName } from '#dnssec/core/change/plan-change.ts';
import { denialTtl, planNsec } from '#dnssec/core/denial/nsec.ts';
import { defaultNsec3, nsec3ParamRRset, planNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { SigningPolicy, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { dueTime } from '#dnssec/core/managed/zone-rollover.ts';
import { planRRset } from '#dnssec/core/signing/plan.ts';
import { isSigned, walkAuthority } from '#dnssec/core/zone/authority.ts';
import { checkZone } from '#dnssec/core/zone/checks.ts';
import { formatFault, type ZoneFault } from '#dnssec/core/zone/faults.ts';
import { findApex, findRRset, withApexRRsets, type Zone, type ZoneNode } from '#dnssec/core/zone/zone.ts';
import { signPlanned } from '#dnssec/operations/sign-planned.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { composeKeySet, keySetTypes } from '#dnssec/operations/zones/compose-key-set.ts';
import { placeholderRRset, signZonemd } from '#dnssec/operations/zones/digest-version.ts';
import { refusedBySecondaries } from '#dnssec/operations/zones/check-change.ts';
import type { ContentEdit } from '#dnssec/operations/zones/content-edits.ts';
import type { ChangeCause } from '#dnssec/operations/zones/publish-version.ts';
import { denialRules } from '#dnssec/operations/zones/sign-change.ts';
import { publishedSigning, refreshTime } from '#dnssec/operations/zones/version-times.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { zoneSigners } from '#dnssec/operations/zones/zone-signers.ts';
import type {
  KeyNews,
  ManagedZone,
  RecordContent,
  StoredLink,
  StoredRRset,
  VersionChange,
} from '#dnssec/ports-zones.ts';

/** RRsets read, or signed, at a time. */
const together = 1000;

/** RRsets of the apex that the service makes for a signed zone. */
const madeForSigning: ReadonlySet<RRType> = new Set<RRType>([...keySetTypes, rrTypes.NSEC3PARAM, rrTypes.ZONEMD]);

/** What a zone is to be signed with: undefined to publish it unsigned. */
export interface SigningWish {
  readonly signing: ZoneSigning | undefined;
  /** What becomes of the contents, which stay as they are without it. */
  readonly edits?: readonly ContentEdit[];
  readonly news?: KeyNews;
}

/** How often it is begun anew when another process was first. */
const attempts = 3;

/**
 * Publish a version in which everything is signed anew, or nothing is signed. The kinds of denial change places in one
 * version.
 *
 * Source: RFC 5155 §10.4, RFC 4035 §2.
 *
 * @param compute called again when another process was first; nothing happens where it returns nothing
 * @throws DnssecError zone-invalid, kms-refused, kms-unavailable, signature-invalid, signing-refused, conflict
 */
export async function signWholeZone(
  ports: ZonePorts,
  zoneId: number,
  cause: ChangeCause,
  compute: (
    zone: ManagedZone,
    stored: readonly StoredRRset[],
  ) => SigningWish | undefined | Promise<SigningWish | undefined>,
): Promise<ManagedZone> {
  return ports.locks.run(zoneId, async () => {
    for (let attempt = 1; ; attempt++) {
      const zone = await ports.store.getZone(zoneId);
      const stored = await readAll(ports, zone);
      const wish = await compute(zone, stored);
      if (wish === undefined) return zone;
      const change = await prepareWhole(ports, zone, stored, wish, cause);
      try {
        await ports.store.publish(change);
      } catch (error) {
        if (attempt < attempts && error instanceof DnssecError && error.code === 'conflict') continue;
        throw error;
      }
      ports.onPublished(change.zone);
      return change.zone;
    }
  });
}

async function prepareWhole(
  ports: ZonePorts,
  zone: ManagedZone,
  before: readonly StoredRRset[],
  { signing, news = {}, edits }: SigningWish,
  cause: ChangeCause,
): Promise<VersionChange> {
  const stored = edits === undefined ? before : withEdits(before, edits);
  if (edits !== undefined) assertServed(checkZone(zoneOf(zone, stored)));
  const now = ports.clock.now();
  const policy = signing?.policy.serial ?? zone.signing?.policy.serial ?? 'increment';
  const serial = nextSerial(zone.serial, policy, Math.floor(now / 1000));
  const { signing: _s, refreshAt: _r, dueAt: _d, ...bare } = zone;
  const next: ManagedZone = { ...bare, version: zone.version + 1, serial, state: zone.state + 1 };
  const contents =
    signing === undefined ? unsigned(zone, stored, serial) : await signAll(ports, next, stored, signing, now);
  const kept = new Set(contents.rrsets.map(({ key, rrset }) => rowName(key, rrset.type)));
  const removedRRsets = before
    .filter(({ key, rrset }) => !kept.has(rowName(key, rrset.type)))
    .map(({ key, rrset }) => ({ key, type: rrset.type }));
  const renewals = [...contents.rrsets, ...contents.links].flatMap(({ refreshAt }) => refreshAt ?? []);
  const refreshAt = renewals.reduce((least, time) => Math.min(least, time), Infinity);
  const times = { begun: now, published: ports.clock.now() };
  const signed = signing && publishedSigning(zone.signing, signing, times, ttlsOf(zone, contents.rrsets));
  const published: ManagedZone = {
    ...next,
    ...(signed === undefined ? {} : { signing: signed, refreshAt }),
  };
  const dueAt = dueTime(published);
  const { principal, reason } = cause;
  return {
    zone: dueAt === undefined ? published : { ...published, dueAt },
    ...contents,
    ...news,
    removedRRsets,
    removedLinks: [],
    clearLinks: true,
    version: {
      version: published.version,
      serial,
      at: now,
      reason,
      ...(principal === undefined ? {} : { principal }),
    },
  };
}

/** Put edits into contents. @returns them in canonical order */
function withEdits(stored: readonly StoredRRset[], edits: readonly ContentEdit[]): StoredRRset[] {
  const rows = new Map(stored.map((entry) => [rowName(entry.key, entry.rrset.type), entry]));
  for (const { owner, type, after } of edits) {
    const key = orderKeyOf(canonicalName(owner));
    if (after === undefined) rows.delete(rowName(key, type));
    else rows.set(rowName(key, type), { key, rrset: after.rrset, rrsigs: [], ...contentOf(after) });
  }
  return [...rows.values()].toSorted((left, right) =>
    left.key === right.key ? left.rrset.type - right.rrset.type : left.key < right.key ? -1 : 1,
  );
}

function contentOf({ content }: { readonly content?: RecordContent | undefined }): Pick<StoredRRset, 'content'> {
  return content === undefined ? {} : { content };
}

/** The TTLs that rollovers wait for, of all RRsets of a zone. */
export function ttlsOf(zone: ManagedZone, rrsets: readonly StoredRRset[]): { zone: number; negative: number } {
  const soa = rrsets.find(({ rrset }) => rrset.type === rrTypes.SOA)?.rrset;
  if (soa === undefined) throw new DnssecError('zone-invalid', `zone ${zone.name} has no SOA`);
  return {
    zone: rrsets.reduce((largest, { rrset }) => Math.max(largest, rrset.ttl), 0),
    negative: denialTtl(soa.ttl, parseSoa(soa.rdatas[0] as Rdata).minimum),
  };
}

/** Read all RRsets of a zone in canonical order. */
export async function readAll(ports: Pick<ZonePorts, 'store'>, { id }: ManagedZone): Promise<StoredRRset[]> {
  const all: StoredRRset[] = [];
  for (;;) {
    const last = all.at(-1);
    const after = last === undefined ? undefined : { key: last.key, type: last.rrset.type };
    const page = await ports.store.readRRsets(id, together, after);
    for (const entry of page) all.push(entry);
    if (page.length < together) return all;
  }
}

type Contents = Pick<VersionChange, 'rrsets' | 'links'>;

function unsigned(zone: ManagedZone, stored: readonly StoredRRset[], serial: number): Contents {
  const apex = apexOf(zone);
  const rrsets = stored
    .filter(({ rrset }) => canonicalName(rrset.owner) !== apex || !madeForSigning.has(rrset.type))
    .map(({ key, rrset, content }) => ({
      key,
      rrset: rrset.type === rrTypes.SOA ? withNewSerial(rrset, serial) : rrset,
      rrsigs: [],
      ...(content === undefined ? {} : { content }),
    }));
  return { rrsets, links: [] };
}

function withNewSerial(soa: RRset, serial: number): RRset {
  return { ...soa, rdatas: [withSerial(soa.rdatas[0] as Rdata, serial)] };
}

/** Make the contents of a zone as the rest of the signer knows them. */
export function zoneOf(managed: ManagedZone, stored: readonly StoredRRset[]): Zone {
  const nodes: (ZoneNode & { rrsets: RRset[] })[] = [];
  for (const { key, rrset } of stored) {
    const last = nodes.at(-1);
    if (last?.key === key) {
      last.rrsets.push(rrset);
    } else {
      const canonicalOwner = canonicalName(rrset.owner);
      nodes.push({ owner: rrset.owner, canonicalOwner, key, rrsets: [rrset], rrsigs: [] });
    }
  }
  return { apex: apexOf(managed), nodes };
}

async function signAll(
  ports: ZonePorts,
  managed: ManagedZone,
  stored: readonly StoredRRset[],
  signing: ZoneSigning,
  now: number,
): Promise<Contents> {
  const signers = zoneSigners(ports, managed, signing, Math.floor(now / 1000));
  const { context, signer } = signers;
  const zone = prepare(managed, stored, signing);
  const contents = new Map(stored.map(({ key, rrset, content }) => [rowName(key, rrset.type), content]));
  const rrsets: StoredRRset[] = [];
  const links: StoredLink[] = [];
  let batch: Signable[] = [];
  const flush = async (): Promise<void> => {
    const planned = batch.map(({ owner, rrset, isSigned: due }) =>
      due ? planRRset(context, owner, rrset) : { rrset, tasks: [] },
    );
    for (const [index, { rrsigs }] of (await signPlanned(planned, signer)).entries()) {
      const { place, nameKey, rrset } = batch[index] as Signable;
      const refresh = rrsigs.length === 0 ? {} : { refreshAt: refreshTime(rrsigs, signing.policy) };
      if (place === undefined) {
        const content = contents.get(rowName(nameKey, rrset.type));
        rrsets.push({ key: nameKey, rrset, rrsigs, ...refresh, ...(content === undefined ? {} : { content }) });
      } else {
        const { owner, ttl, rdatas } = rrset;
        links.push({ place, nameKey, owner, ttl, rdata: rdatas[0] as Rdata, rrsigs, refreshAt: 0, ...refresh });
      }
    }
    batch = [];
  };
  let zonemd: Signable | undefined;
  for (const item of signables(zone, signing.policy)) {
    if (item.rrset.type === rrTypes.ZONEMD && item.owner === zone.apex) {
      zonemd = item;
      continue;
    }
    batch.push(item);
    if (batch.length === together) await flush();
  }
  await flush();
  if (zonemd === undefined) return { rrsets, links };
  const change = { rrsets, links, removedRRsets: [], removedLinks: [], clearLinks: true, kept: false };
  const digest = await signZonemd(ports, { ...managed, signing }, change, zonemd.rrset, signers);
  rrsets.push({ key: zonemd.nameKey, ...digest, refreshAt: refreshTime(digest.rrsigs, signing.policy) });
  return { rrsets, links };
}

/** Put into a zone what signing needs at its apex. @throws DnssecError zone-invalid */
function prepare(managed: ManagedZone, stored: readonly StoredRRset[], signing: ZoneSigning): Zone {
  const apex = apexOf(managed);
  const { maxTtl, denial, optOut, zonemd } = signing.policy;
  const bare = zoneOf(
    managed,
    stored.filter(({ rrset }) => canonicalName(rrset.owner) !== apex || !madeForSigning.has(rrset.type)),
  );
  assertSound(checkZone(bare, { maxTtl }));
  const soa = findRRset(findApex(bare), rrTypes.SOA) as RRset;
  return withApexRRsets(bare, [
    withNewSerial(soa, managed.serial),
    ...composeKeySet(apex, signing).flatMap(({ rrset }) => rrset ?? []),
    ...(denial === 'nsec3' ? [nsec3ParamRRset(apex, { ...defaultNsec3, optOut })] : []),
    ...(zonemd ? [placeholderRRset(soa.owner, soa.ttl, managed.serial)] : []),
  ]);
}

/** An RRset or a link of the chain of denial, with its place in the zone. */
interface Signable {
  readonly owner: CanonicalName;
  readonly rrset: RRset;
  readonly isSigned: boolean;
  readonly nameKey: OrderKey;
  /** Absent for RRsets that are no links. */
  readonly place?: Octets;
}

function* signables(zone: Zone, policy: SigningPolicy): Generator<Signable> {
  for (const { key, standing, canonicalOwner, node } of walkAuthority(zone)) {
    for (const rrset of node?.rrsets ?? [])
      yield { owner: canonicalOwner, rrset, isSigned: isSigned(standing, rrset.type), nameKey: key };
  }
  const soa = findRRset(findApex(zone), rrTypes.SOA) as RRset;
  const ttl = denialTtl(soa.ttl, parseSoa(soa.rdatas[0] as Rdata).minimum);
  const { links } = denialRules(policy, zone.apex);
  const chain =
    policy.denial === 'nsec' ? planNsec(zone, ttl) : planNsec3(zone, { ...defaultNsec3, optOut: policy.optOut }, ttl);
  for (const { subject, canonicalOwner, rrset } of chain) {
    const nameKey = orderKeyOf(subject);
    yield { owner: canonicalOwner, rrset, isSigned: true, nameKey, place: links.placeOf(subject, nameKey) };
  }
}

/** Refuse what secondaries would not load, besides what is wrong. @throws DnssecError zone-invalid */
function assertServed(faults: readonly ZoneFault[]): void {
  assertSound(faults.map((fault) => (refusedBySecondaries.has(fault.code) ? { ...fault, severity: 'error' } : fault)));
}

function assertSound(faults: readonly ZoneFault[]): void {
  const errors = faults.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw new DnssecError(
    'zone-invalid',
    `the zone cannot be published: ${errors.slice(0, 20).map(formatFault).join('; ')}`,
    {
      details: { faults: errors.slice(0, 1000).map((fault) => ({ code: fault.code, message: formatFault(fault) })) },
    },
  );
}
