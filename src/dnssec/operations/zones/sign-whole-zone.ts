import type { Octets } from '#lib/octets.ts';
import { mapInOrder } from '#lib/map-in-order.ts';
import { type CanonicalName, type OrderKey, orderKeyOf } from '#dns/name.ts';
import { rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata, RRset } from '#dns/rrset.ts';
import { nextSerial } from '#dns/serial.ts';
import { withSerial } from '#dns/soa.ts';
import { defaultNsec3, nsec3ParamRRset } from '#dnssec/core/denial/nsec3.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { SigningPolicy, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { dueTime } from '#dnssec/core/managed/zone-rollover.ts';
import { planRRset } from '#dnssec/core/signing/plan.ts';
import { SignedZoneDigest } from '#dnssec/core/signing/signed-zone-digest.ts';
import { zonemdOf } from '#dnssec/core/signing/zonemd.ts';
import { isSigned } from '#dnssec/core/zone/authority.ts';
import { checkZone } from '#dnssec/core/zone/checks.ts';
import { formatFault, type ZoneFault } from '#dnssec/core/zone/faults.ts';
import { findApex, findRRset, withApexRRsets, type Zone } from '#dnssec/core/zone/zone.ts';
import { signPlanned } from '#dnssec/operations/sign-planned.ts';
import { withDenial } from '#dnssec/core/signing/plan-zone.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { refusedBySecondaries } from '#dnssec/operations/zones/check-change.ts';
import { composeKeySet, keySetTypes } from '#dnssec/operations/zones/compose-key-set.ts';
import { placeholderRRset } from '#dnssec/operations/zones/digest-version.ts';
import { gatherContents } from '#dnssec/operations/zones/gather-contents.ts';
import type { PackedContents } from '#dnssec/operations/zones/packed-contents.ts';
import type { ChangeCause } from '#dnssec/operations/zones/publish-version.ts';
import { denialRules } from '#dnssec/operations/zones/sign-change.ts';
import { publishedSigning, refreshTime } from '#dnssec/operations/zones/version-times.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { followWork, type WorkProgress } from '#dnssec/operations/zones/work-progress.ts';
import { type ZoneSigners, zoneSigners } from '#dnssec/operations/zones/zone-signers.ts';
import type { KeyNews, ManagedZone, StagedContents, StoredLink, StoredRRset } from '#dnssec/ports-zones.ts';

/**
 * RRsets signed in one go, and goes under way at a time: the KMS, the verifier, the store and this thread work at once. A KMS
 * in the same process answers others between two goes.
 */
const together = 500;
const batchesUnderWay = 4;

/** RRsets of the apex that the service makes for a signed zone. */
const madeForSigning: ReadonlySet<RRType> = new Set<RRType>([...keySetTypes, rrTypes.NSEC3PARAM, rrTypes.ZONEMD]);

/** What a zone is to be signed with: undefined to publish it unsigned. */
export interface SigningWish {
  readonly signing: ZoneSigning | undefined;
  readonly news?: KeyNews;
}

/** How often it is begun anew when another process was first. */
const attempts = 3;

/**
 * Publish a version in which everything is signed anew, or nothing is signed. The kinds of denial change places in one
 * version.
 *
 * The contents are gathered as octets, signed in batches of which few are under way, and what comes of them goes into the
 * store beside what is published: memory is bounded, however large the zone is.
 *
 * Source: RFC 5155 §10.4, RFC 4035 §2.
 *
 * @param compute called again when another process was first; nothing happens where it returns nothing
 * @param gather gathers the contents of the version; those that the zone has without it
 * @throws DnssecError zone-invalid, kms-refused, kms-unavailable, signature-invalid, signing-refused, conflict
 */
export async function signWholeZone(
  ports: ZonePorts,
  zoneId: number,
  cause: ChangeCause,
  compute: (zone: ManagedZone, contents: PackedContents) => SigningWish | undefined,
  gather: (zone: ManagedZone) => Promise<PackedContents> = (zone) => gatherContents(ports, zone),
): Promise<ManagedZone> {
  return ports.locks.run(zoneId, async () => {
    for (let attempt = 1; ; attempt++) {
      const zone = await ports.store.getZone(zoneId);
      const contents = await gather(zone);
      const wish = compute(zone, contents);
      if (wish === undefined) return zone;
      let published: ManagedZone;
      try {
        published = await publishWhole(ports, zone, contents, wish, cause);
      } catch (error) {
        if (attempt < attempts && error instanceof DnssecError && error.code === 'conflict') continue;
        throw error;
      }
      ports.onPublished(published);
      return published;
    }
  });
}

async function publishWhole(
  ports: ZonePorts,
  zone: ManagedZone,
  contents: PackedContents,
  { signing, news = {} }: SigningWish,
  { principal, reason }: ChangeCause,
): Promise<ManagedZone> {
  const now = ports.clock.now();
  const policy = signing?.policy.serial ?? zone.signing?.policy.serial ?? 'increment';
  const serial = nextSerial(zone.serial, policy, Math.floor(now / 1000));
  const { signing: _s, refreshAt: _r, dueAt: _d, ...bare } = zone;
  const next: ManagedZone = { ...bare, version: zone.version + 1, serial, state: zone.state + 1 };
  await using progress = followWork(ports, zone.id, contents.rrsetCount);
  await using staged = withProgress(ports.store.stage(now), progress);
  let published = next;
  if (signing === undefined) {
    await stageUnsigned(staged, next, contents);
  } else {
    const { refreshAt, largestTtl } = await stageSigned(ports, staged, next, contents, signing, now);
    const times = { begun: now, published: ports.clock.now() };
    const ttls = { ...ttlsOf(zone, contents), zone: largestTtl };
    published = { ...next, signing: publishedSigning(zone.signing, signing, times, ttls), refreshAt };
  }
  const dueAt = dueTime(published);
  if (dueAt !== undefined) published = { ...published, dueAt };
  const version = { version: next.version, serial, at: now, reason, ...(principal === undefined ? {} : { principal }) };
  await staged.publish({ zone: published, version, ...news });
  return published;
}

/** Count what is staged. */
function withProgress(staged: StagedContents, progress: WorkProgress): StagedContents {
  return {
    ...staged,
    async add(rrsets, links) {
      await staged.add(rrsets, links);
      await progress.add(rrsets.length);
    },
  };
}

/** The TTLs that rollovers wait for, of all RRsets of a zone. @throws DnssecError zone-invalid */
export function ttlsOf(zone: ManagedZone, contents: PackedContents): NonNullable<PackedContents['ttls']> {
  const { ttls } = contents;
  if (ttls === undefined) throw new DnssecError('zone-invalid', `zone ${zone.name} has no SOA`);
  return ttls;
}

async function stageUnsigned(staged: StagedContents, zone: ManagedZone, contents: PackedContents): Promise<void> {
  const entryOf = contents.entriesInOrder();
  let rows: StoredRRset[] = [];
  const bare = withApexRRsets(contents.zone, [], madeForSigning);
  const soa = findRRset(findApex(bare), rrTypes.SOA);
  const { nodes } = soa === undefined ? bare : withApexRRsets(bare, [withNewSerial(soa, zone.serial)]);
  for (const { key, rrsets } of nodes) {
    for (const rrset of rrsets) rows.push({ ...entryOf(key, rrset), rrsigs: [] });
    if (rows.length < together) continue;
    await staged.add(rows, []);
    rows = [];
  }
  await staged.add(rows, []);
}

function withNewSerial(soa: RRset, serial: number): RRset {
  return { ...soa, rdatas: [withSerial(soa.rdatas[0] as Rdata, serial)] };
}

/** Sign all of a zone, and put it beside what is published. @returns seconds */
async function stageSigned(
  ports: ZonePorts,
  staged: StagedContents,
  managed: ManagedZone,
  contents: PackedContents,
  signing: ZoneSigning,
  now: number,
): Promise<{ readonly refreshAt: number; readonly largestTtl: number }> {
  const signers = zoneSigners(ports, managed, signing, Math.floor(now / 1000));
  const zone = prepare(managed, contents, signing);
  const entryOf = contents.entriesInOrder();
  const digest = signing.policy.zonemd ? new SignedZoneDigest(zone.apex) : undefined;
  let refreshAt = Infinity;
  let largestTtl = 0;
  const add = async (signed: readonly SignedItem[]): Promise<void> => {
    const rrsets: StoredRRset[] = [];
    const links: StoredLink[] = [];
    for (const { item, rrsigs } of signed) {
      const { nameKey, place, rrset } = item;
      const refresh = rrsigs.length === 0 ? {} : { refreshAt: refreshTime(rrsigs, signing.policy) };
      refreshAt = Math.min(refreshAt, refresh.refreshAt ?? Infinity);
      if (place === undefined) {
        rrsets.push({ ...entryOf(nameKey, rrset), rrsigs, ...refresh });
        largestTtl = Math.max(largestTtl, rrset.ttl);
      } else {
        const { owner, ttl, rdatas } = rrset;
        links.push({ place, nameKey, owner, ttl, rdata: rdatas[0] as Rdata, rrsigs, refreshAt: 0, ...refresh });
      }
    }
    await staged.add(rrsets, links);
  };
  const signable = mapInOrder(batchesOf(signables(zone, signing.policy)), batchesUnderWay, (batch) =>
    signBatch(batch, signers),
  );
  for await (const signed of signable) {
    for (const { item, rrsigs } of signed) digest?.add({ rrset: item.rrset, rrsigs });
    await add(signed);
  }
  const placeholder = digest && findRRset(findApex(zone), rrTypes.ZONEMD);
  if (digest !== undefined && placeholder !== undefined) {
    const rrset = { ...placeholder, rdatas: [zonemdOf(managed.serial, digest.finish())] };
    const item = { owner: zone.apex, rrset, isSigned: true, nameKey: orderKeyOf(zone.apex) };
    await add(await signBatch([item], signers));
  }
  return { refreshAt, largestTtl };
}

/** Put into a zone what signing needs at its apex. @throws DnssecError zone-invalid */
function prepare(managed: ManagedZone, contents: PackedContents, signing: ZoneSigning): Zone {
  const apex = apexOf(managed);
  const { maxTtl, denial, optOut, zonemd } = signing.policy;
  const bare = withApexRRsets(contents.zone, [], madeForSigning);
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

/** All of a signed zone in canonical order but its digest, which is made of the rest. */
function* signables(zone: Zone, policy: SigningPolicy): Generator<Signable> {
  const { links } = denialRules(policy, zone.apex);
  const { denial: kind, optOut } = policy;
  const denialPolicy = kind === 'nsec' ? { kind } : { kind, parameters: { ...defaultNsec3, optOut } };
  for (const [authority, denial] of withDenial(zone, { denial: denialPolicy })) {
    for (const rrset of authority?.node?.rrsets ?? []) {
      if (authority === undefined) continue;
      const { standing, canonicalOwner, key } = authority;
      if (rrset.type === rrTypes.ZONEMD && canonicalOwner === zone.apex) continue;
      yield { owner: canonicalOwner, rrset, isSigned: isSigned(standing, rrset.type), nameKey: key };
    }
    if (denial === undefined) continue;
    const { subject, canonicalOwner, rrset } = denial;
    const nameKey = orderKeyOf(subject);
    yield { owner: canonicalOwner, rrset, isSigned: true, nameKey, place: links.placeOf(subject, nameKey) };
  }
}

function* batchesOf(all: Iterable<Signable>): Generator<Signable[]> {
  let batch: Signable[] = [];
  for (const item of all) {
    batch.push(item);
    if (batch.length < together) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

interface SignedItem {
  readonly item: Signable;
  readonly rrsigs: StoredRRset['rrsigs'];
}

/** Have a batch signed and verified. @throws DnssecError kms-refused, kms-unavailable, signature-invalid */
async function signBatch(batch: readonly Signable[], { context, signer }: ZoneSigners): Promise<SignedItem[]> {
  const planned = batch.map(({ owner, rrset, isSigned: due }) =>
    due ? planRRset(context, owner, rrset) : { rrset, owner, tasks: [] },
  );
  const verified = await signPlanned(planned, signer);
  return batch.map((item, index) => ({ item, rrsigs: verified[index]?.rrsigs ?? [] }));
}

/** Refuse what secondaries would not load, besides what is wrong. @throws DnssecError zone-invalid */
export function assertServed(faults: readonly ZoneFault[]): void {
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
