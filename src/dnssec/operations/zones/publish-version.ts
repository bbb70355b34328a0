import type { IdempotencyClaim } from '#lib/idempotency.ts';
import { canonicalName, orderKeyOf } from '#dns/name.ts';
import { nextSerial } from '#dns/serial.ts';
import { ChangedView } from '#dnssec/core/change/changed-view.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { newestTtl } from '#dnssec/core/managed/zone-rollover.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { checkChange } from '#dnssec/operations/zones/check-change.ts';
import { type ContentEdit, isSoa, soaEdit, withoutRepetitions } from '#dnssec/operations/zones/content-edits.ts';
import { composeDifferences } from '#dnssec/operations/zones/differences.ts';
import { zonemdEdit } from '#dnssec/operations/zones/digest-version.ts';
import { answered } from '#dnssec/operations/zones/once.ts';
import { rememberingView } from '#dnssec/operations/zones/remembering-view.ts';
import { type Renewals, signChange, ttlOfDenial } from '#dnssec/operations/zones/sign-change.ts';
import { publishedSigning, refreshOf, withDue } from '#dnssec/operations/zones/version-times.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { KeyNews, ManagedZone, StoredZoneView, VersionChange } from '#dnssec/ports-zones.ts';

/** What the next version of a zone is to be. */
export interface VersionWish {
  readonly edits: readonly ContentEdit[];
  readonly renewals?: Renewals;
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
  /** Of a request that is not to be carried out twice. */
  readonly claim?: IdempotencyClaim | undefined;
}

/** How a version is published. */
export interface PublishOptions {
  readonly dryRun?: boolean;
  /** The zone as the caller has just read it, which spares reading it again unless others change it first. */
  readonly known?: ManagedZone;
  /** Gives what the request with a claim is answered, which is written with the version. */
  readonly answer?: (done: Omit<PublishedVersion, 'isWritten'>) => Promise<unknown>;
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
  options: PublishOptions = {},
): Promise<PublishedVersion> {
  return ports.locks.run(zoneId, async (hadToWait) => {
    for (let attempt = 1; ; attempt++) {
      const known = hadToWait || attempt > 1 ? undefined : options.known;
      const zone = known ?? (await ports.store.getZone(zoneId));
      const view = rememberingView(ports.store.viewOf(zoneId));
      const wish = await compute(zone, view);
      const prepared = await prepareVersion(ports, zone, view, wish, cause);
      const isNothing = prepared.change === undefined && wish.signing === undefined;
      if (isNothing || options.dryRun === true) return { ...prepared, isWritten: false };
      try {
        const { claim } = cause;
        const news =
          claim === undefined || options.answer === undefined
            ? {}
            : { claim: answered(ports, claim, await options.answer(prepared)) };
        if (prepared.change === undefined) await ports.store.noteSigning(prepared.zone, { ...wish.news, ...news });
        else await ports.store.publish({ ...prepared.change, ...news });
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

function largestTtl(edits: readonly ContentEdit[]): number {
  return edits.reduce((largest, { after }) => Math.max(largest, after?.rrset.ttl ?? 0), 0);
}
