import type { Octets } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, formatName, orderKeyOf } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import type { ChangedView } from '#dnssec/core/change/changed-view.ts';
import { nsec3Links, nsecLinks } from '#dnssec/core/change/link-makers.ts';
import { type ChangePlan, type DenialRules, planChange, rowName } from '#dnssec/core/change/plan-change.ts';
import type { SignedRRset } from '#dnssec/core/change/zone-view.ts';
import { denialTtl } from '#dnssec/core/denial/nsec.ts';
import { defaultNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { SigningPolicy } from '#dnssec/core/managed/signing-state.ts';
import { planRRset } from '#dnssec/core/signing/plan.ts';
import { signPlanned } from '#dnssec/operations/sign-planned.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import { type ContentEdit, findRRset } from '#dnssec/operations/zones/content-edits.ts';
import { signZonemd } from '#dnssec/operations/zones/digest-version.ts';
import { refreshTime } from '#dnssec/operations/zones/version-times.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import { type ZoneSigners, zoneSigners } from '#dnssec/operations/zones/zone-signers.ts';
import type {
  ManagedZone,
  RecordContent,
  StoredLink,
  StoredRRset,
  StoredZoneView,
  VersionChange,
} from '#dnssec/ports-zones.ts';

/** How a policy denies existence. */
export function denialRules({ denial, optOut }: SigningPolicy, apex: CanonicalName): DenialRules {
  if (denial === 'nsec') return { kind: 'nsec', links: nsecLinks };
  return { kind: 'nsec3', links: nsec3Links({ ...defaultNsec3, optOut }, apex), optOut };
}

type Written = Pick<VersionChange, 'rrsets' | 'links' | 'removedLinks'>;

/** RRsets and links that stay as they are and get new signatures. */
export interface Renewals {
  readonly rrsets: readonly StoredRRset[];
  readonly links: readonly StoredLink[];
}

/** A change between its planning and its signing. */
export interface OpenChange {
  readonly view: StoredZoneView;
  readonly after: ChangedView;
  readonly edits: readonly ContentEdit[];
  readonly removedRRsets: VersionChange['removedRRsets'];
  readonly renewals: Renewals;
}

/**
 * Plan what follows from a change, have it signed, and verify every signature.
 *
 * @param now seconds since the epoch
 * @throws DnssecError kms-refused, kms-unavailable, signature-invalid, signing-refused
 */
export async function signChange(ports: ZonePorts, zone: ManagedZone, open: OpenChange, now: number): Promise<Written> {
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
    const change = { ...written, rrsets, removedRRsets };
    const digest = await signZonemd(ports, zone, change, rrset, signers);
    rrsets.push({ key, ...digest, refreshAt: refreshTime(digest.rrsigs, signing.policy) });
  }
  return { ...written, rrsets };
}

/** Add what is to be renewed and is not changed anyway. */
function withRenewals(plan: ChangePlan, { rrsets, links }: Renewals): ChangePlan {
  const rows = new Set([...plan.toSign, ...plan.toStrip].map(({ key, rrset }) => rowName(key, rrset.type)));
  const places = new Set([...plan.chain.written, ...plan.chain.removed].map(({ place }) => place));
  const toSign = [...plan.toSign, ...rrsets.filter(({ key, rrset }) => !rows.has(rowName(key, rrset.type)))];
  const written = [...plan.chain.written, ...links.filter(({ place }) => !places.has(place))];
  return { ...plan, toSign, chain: { ...plan.chain, written } };
}

async function contentOf(view: StoredZoneView, { rrset }: SignedRRset): Promise<RecordContent | undefined> {
  return (await findRRset(view, canonicalName(rrset.owner), rrset.type))?.content;
}

/** Compute the TTL of the records that deny existence, in seconds. Source: RFC 9077 §3. */
export async function ttlOfDenial(after: ChangedView, apex: CanonicalName): Promise<number> {
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
