import { secondsOf } from '#lib/clock.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { changesSignatures, isSamePolicy } from '#dnssec/core/managed/check-policy.ts';
import { eventsOfStep } from '#dnssec/core/managed/describe-moves.ts';
import { assertOnlySigner, objectionsToHandOver, parseForeignKeys } from '#dnssec/core/managed/foreign-keys.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { advanceZone, withGoals } from '#dnssec/core/managed/zone-rollover.ts';
import { goInsecure, goSecure, replaceKeys } from '#dnssec/core/rollover/goals.ts';
import { startTtls } from '#dnssec/core/rollover/ttl-history.ts';
import { chooseSigningKeys, type ChosenKey, type NamedKeys } from '#dnssec/operations/zones/choose-signing-keys.ts';
import { lookAtParent } from '#dnssec/operations/zones/look-at-parent.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { completePolicy, getPolicy, type PolicyFields } from '#dnssec/operations/zones/policies.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import type { PackedContents } from '#dnssec/operations/zones/packed-contents.ts';
import { proveKey } from '#dnssec/operations/zones/prove-key.ts';
import type { ChangeCause } from '#dnssec/operations/zones/publish-version.ts';
import { type SigningWish, signWholeZone, ttlsOf } from '#dnssec/operations/zones/sign-whole-zone.ts';
import { type TakenOver, takeOver, type TakeOverRequest } from '#dnssec/operations/zones/take-over.ts';
import { tendNoted } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { KeyNews, ManagedZone } from '#dnssec/ports-zones.ts';

export interface SigningRequest extends NamedKeys, TakeOverRequest {
  /** Fields that are to be so; or else the name of a policy, of which the newest version is taken. */
  readonly policy?: PolicyFields | undefined;
  readonly policyName?: string | undefined;
}

/** The policy that a zone is to have, and where it is from. */
type PolicyWish = Pick<ZoneSigning, 'policy' | 'policyRef'>;

/**
 * Sign a zone from now on, with the keys that are named or with keys that are made for it. A zone that is signed already goes
 * over to other keys by a rollover, and to another policy in one version. Asked for what is so already, it changes nothing.
 *
 * @throws DnssecError request-invalid, key-invalid, key-tag-collision, not-found, kms-refused, kms-unavailable, zone-invalid
 */
export async function enableSigning(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  request: SigningRequest,
  cause: ChangeCause,
): Promise<void> {
  const zone = await getOwnZone(ports, caller, id);
  const { signing: before } = zone;
  const wish = await wishedPolicy(ports, zone, request);
  assertBegins(zone, request);
  if (before !== undefined && isSameRequest(before, request, wish)) return;
  const chosen = await chooseSigningKeys(ports, caller, zone, request, wish.policy);
  const proven = await proveNewKeys(ports, zone, chosen);
  const wanted: WantedSigning = { request, wish, chosen, proven };
  if (before === undefined) {
    const taken = await takeOver(ports, zone, request, proven, secondsOf(ports.clock));
    await signWholeZone(ports, zone.id, cause, (current, contents) =>
      firstSigning(ports, current, contents, wanted, taken),
    );
  } else if (changesSignatures(before.policy, wish.policy)) {
    await signWholeZone(ports, zone.id, cause, (current) => {
      const changed = changedSigning(ports, current, wanted);
      return changed && steppedSigning(ports, changed);
    });
  } else {
    await noteZone(ports, zone.id, async (current) => {
      const changed = changedSigning(ports, current, wanted);
      return changed && { zone: { ...current, signing: changed.signing }, news: changed.news };
    });
  }
  await tendNoted(ports, zone.id);
}

/** What was before a zone is signed here is said when that begins; said again of a zone that began so, it changes nothing. */
function assertBegins({ name, signing }: ManagedZone, { foreignKeys }: SigningRequest): void {
  if (signing === undefined || foreignKeys === undefined) return;
  const [wanted, there] = [parseForeignKeys(foreignKeys), signing.foreignKeys ?? []];
  if (wanted.length === there.length && wanted.every((dnskey) => there.includes(dnskey))) return;
  throw new DnssecError('request-invalid', `foreignKeys: zone ${name} is signed already: PUT …/dnssec/foreign-keys`);
}

function isSameRequest(
  { region, kmsKeyIdentity, zskKmsKeyIdentity, policy, policyRef, isLeaving }: ZoneSigning,
  request: SigningRequest,
  wish: PolicyWish,
): boolean {
  const isSameKey =
    region === request.region &&
    kmsKeyIdentity === request.kmsKeyIdentity &&
    zskKmsKeyIdentity === request.zskKmsKeyIdentity;
  const isSameRef = policyRef?.name === wish.policyRef?.name && policyRef?.version === wish.policyRef?.version;
  return isSameKey && isSameRef && isLeaving !== true && isSamePolicy(policy, wish.policy);
}

/**
 * Return the policy that a zone is to have: the one that is named, the fields that are given, what it has, or the default.
 *
 * @throws DnssecError request-invalid, not-found
 */
export async function wishedPolicy(
  ports: ZonePorts,
  { scope, signing }: ManagedZone,
  { policy: given, policyName, zskKmsKeyIdentity }: SigningRequest,
): Promise<PolicyWish> {
  if (policyName !== undefined && given !== undefined)
    throw new DnssecError('request-invalid', 'body: policy and policyName exclude each other');
  const isSplit = zskKmsKeyIdentity !== undefined && policyName === undefined;
  const fields = isSplit ? { keys: 'split' as const, ...given } : given;
  if (policyName === undefined && signing !== undefined) {
    const { policy: before, policyRef } = signing;
    const policy = completePolicy(fields ?? {}, before);
    return isSamePolicy(policy, before) && policyRef !== undefined ? { policy, policyRef } : { policy };
  }
  const { name, version, policy } = await getPolicy(ports, scope, policyName ?? 'default');
  return fields === undefined ? { policy, policyRef: { name, version } } : { policy: completePolicy(fields, policy) };
}

async function proveNewKeys(
  ports: ZonePorts,
  zone: ManagedZone,
  chosen: readonly ChosenKey[],
): Promise<readonly SigningKey[]> {
  const proven: SigningKey[] = [];
  for (const key of chosen) {
    if (key.known !== undefined) continue;
    proven.push(await proveKey(ports, zone, [...(zone.signing?.keys ?? []), ...proven], key));
  }
  return proven;
}

interface WantedSigning {
  readonly request: SigningRequest;
  readonly wish: PolicyWish;
  readonly chosen: readonly ChosenKey[];
  /** Those of the chosen keys that the zone did not have. */
  readonly proven: readonly SigningKey[];
}

interface ChangedSigning {
  readonly signing: ZoneSigning;
  readonly news: KeyNews;
}

function asRequested({
  request,
  wish,
}: WantedSigning): PolicyWish & Pick<ZoneSigning, 'region' | 'kmsKeyIdentity' | 'zskKmsKeyIdentity'> {
  const { region, kmsKeyIdentity, zskKmsKeyIdentity } = request;
  return {
    region,
    ...(kmsKeyIdentity === undefined ? {} : { kmsKeyIdentity }),
    ...(zskKmsKeyIdentity === undefined ? {} : { zskKmsKeyIdentity }),
    ...wish,
  };
}

function firstSigning(
  ports: ZonePorts,
  zone: ManagedZone,
  contents: PackedContents,
  wanted: WantedSigning,
  taken: TakenOver,
): SigningWish {
  if (zone.signing !== undefined)
    throw new DnssecError('conflict', `zone ${zone.name} was signed by another call at the same time: try again`);
  const { policy } = wanted.wish;
  const at = ports.clock.now();
  const now = Math.floor(at / 1000);
  const ids = taken.keys.map(({ id }) => id);
  const ttls = { ...ttlsOf(zone, contents), dnskey: policy.dnskeyTtl, ds: policy.parentDsTtl };
  const signing: ZoneSigning = {
    ...asRequested(wanted),
    ...taken,
    keys: withGoals(goSecure(taken.keys, ids)),
    ttls: startTtls(ttls),
    round: { kind: 'done', at: now },
    keySetAt: now,
    enabledAt: at,
    lastSignedAt: 0,
  };
  const events: ZoneEvent[] = [{ kind: 'signing-on', at, text: 'the zone is signed from now on' }];
  return steppedSigning(ports, { signing, news: { events, kmsKeys: kmsKeysOf(signing.keys) } });
}

/** Make the steps of a rollover that are published with a version in which everything is signed anew. */
function steppedSigning(ports: ZonePorts, { signing, news }: ChangedSigning): SigningWish {
  const at = ports.clock.now();
  const now = secondsOf(ports.clock);
  const step = advanceZone(signing, now);
  const events = [...(news.events ?? []), ...eventsOfStep(signing.keys, step, at)];
  const round = { kind: 'done', at: now } as const;
  return { signing: { ...step.signing, round, keySetAt: now }, news: { ...news, events } };
}

function kmsKeysOf(keys: readonly SigningKey[]): NonNullable<KeyNews['kmsKeys']> {
  return keys.map(({ region, keyId }) => ({ region, keyId }));
}

/** What a signed zone is signed with from now on; undefined where another call has brought it about already. */
function changedSigning(ports: ZonePorts, zone: ManagedZone, wanted: WantedSigning): ChangedSigning | undefined {
  const { signing: before } = zone;
  if (before === undefined)
    throw new DnssecError('conflict', `the signing of zone ${zone.name} was switched off at the same time: try again`);
  if (isSameRequest(before, wanted.request, wanted.wish)) return undefined;
  const added = wanted.proven.filter(({ id }) => before.keys.every((key) => key.id !== id));
  const keys = [...before.keys, ...added];
  const staying = new Set([...wanted.chosen.flatMap(({ known }) => known ?? []), ...wanted.proven.map(({ id }) => id)]);
  const replaced = keys.filter((key) => key.goal === 'omnipresent' && key.standby !== true && !staying.has(key.id));
  if (added.length + replaced.length > 0) assertOnlySigner(before);
  const at = ports.clock.now();
  const goals = replaceKeys(
    keys,
    replaced.map(({ id }) => id),
    [...staying],
  );
  const { isLeaving, kmsKeyIdentity: _, zskKmsKeyIdentity: _z, policyRef: _r, ...rest } = before;
  const signing: ZoneSigning = { ...rest, ...asRequested(wanted), keys: withGoals(goals) };
  const events: ZoneEvent[] = [];
  if (isLeaving === true) events.push({ kind: 'signing-on', at, text: 'the zone stays signed after all' });
  if (replaced.length > 0) {
    const text = `keys of the zone are replaced: ${replaced.map(({ keyTag }) => keyTag).join(', ')}`;
    const details = { old: replaced.map((key) => key.id), successors: [...staying] };
    events.push({ kind: 'rollover-started', at, text, details });
  }
  return { signing, news: { events, kmsKeys: kmsKeysOf(keys) } };
}

/**
 * Publish a zone unsigned: at once if nobody can have seen a DS of it, and else when no resolver can hold one any more.
 * Until then it stays signed, and asks its parent to remove the DS. Its KMS keys stay.
 *
 * A zone that was handed over to another signer asks its parent to remove our DS only, and stays signed until it is deleted.
 *
 * Source: RFC 8078 §4, RFC 6781 §4.3.5.
 *
 * @throws DnssecError not-found, conflict while the other signer's keys could not take over
 */
export async function disableSigning(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  isHandedOver = false,
): Promise<void> {
  const { id: zoneId } = await getOwnZone(ports, caller, id);
  if (isHandedOver) await lookAtParent(ports, zoneId, true);
  await noteZone(ports, zoneId, async (zone) => {
    if (zone.signing === undefined || zone.signing.isLeaving === true) return undefined;
    const at = ports.clock.now();
    // First what is due: a DS that may be at the parent by now counts as being there.
    const step = advanceZone(zone.signing, secondsOf(ports.clock));
    assertMayLeave(step.signing, isHandedOver, secondsOf(ports.clock));
    const signing = { ...step.signing, keys: withGoals(goInsecure(step.signing.keys)), isLeaving: true };
    const text = isHandedOver ? 'the zone was handed over to another signer' : 'signing was switched off';
    const off: ZoneEvent = { kind: 'signing-off', at, text };
    return { zone: { ...zone, signing }, news: { events: [...eventsOfStep(zone.signing.keys, step, at), off] } };
  });
  await tendNoted(ports, zoneId);
}

/** Our DS may go if no other signer has the zone, or if that signer's chain of trust is known to every resolver. */
function assertMayLeave(signing: ZoneSigning, isHandedOver: boolean, now: number): void {
  if (!isHandedOver) {
    assertOnlySigner(signing);
    return;
  }
  const objections = objectionsToHandOver(signing, now);
  if (objections.length > 0)
    throw new DnssecError('conflict', `handedOver: the zone still depends on our keys: ${objections.join('; ')}`);
}
