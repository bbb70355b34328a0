import type { Role } from '#dnssec/core/keys/zone-key.ts';
import { foreignId } from '#dnssec/core/managed/foreign-keys.ts';
import type {
  RolloverWait,
  SigningKey,
  SigningPolicy,
  SigningRound,
  ZoneSigning,
} from '#dnssec/core/managed/signing-state.ts';
import { advance, type AdvanceInput, type AdvanceResult, type Transition } from '#dnssec/core/rollover/advance.ts';
import { type Outage, replaceAtOnce } from '#dnssec/core/rollover/emergency.ts';
import { isHidden, isPublished, type Move, type RolloverKey, stateOf } from '#dnssec/core/rollover/key-state.ts';
import type { RolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';
import type { Sighting, ZoneSightings } from '#dnssec/core/rollover/sightings.ts';
import { noteTtl, type RolloverTtls, type TtlKind } from '#dnssec/core/rollover/ttl-history.ts';
import { type Publication, whatToPublish } from '#dnssec/core/rollover/what-to-publish.ts';

/** Return what a zone's policy says of rollovers. */
export function rolloverPolicy(policy: SigningPolicy): RolloverPolicy {
  return {
    publishSafety: policy.publishSafety,
    retireSafety: policy.retireSafety,
    zonePropagation: policy.propagationDelay,
    parentPropagation: policy.parentPropagationDelay,
    signatureValidity: policy.validity,
    signatureRefresh: policy.refresh,
    signatureJitter: policy.jitter,
    kskRollover: policy.kskRollover,
    algorithmRollover: policy.algorithmRollover,
  };
}

/** Return all that the next step of a zone's rollovers depends on. @param now seconds since the epoch */
export function rolloverInput(signing: ZoneSigning, now: number): AdvanceInput {
  return {
    keys: signing.keys,
    policy: rolloverPolicy(signing.policy),
    ttls: signing.ttls,
    parent: parentSightings(signing),
    zone: zoneSightings(signing),
    now,
    mayUse: () => true, // a key proves that it signs before it is given to a zone
    ...gateOf(signing),
  };
}

/**
 * What only a person can clear the way for: each step, where the policy says so, and the end of signatures while the parent
 * has, or gets, a DS that is not of our keys.
 */
function gateOf(signing: ZoneSigning): Pick<AdvanceInput, 'humanGate'> {
  const { isLeaving, foreignDs = [], foreignKeys = [] } = signing;
  const isHeld = isLeaving === true && foreignDs.length + foreignKeys.length > 0;
  const asks = needsApproval(signing);
  if (!isHeld && !asks) return {};
  return {
    humanGate: (move) => {
      if (isHeld && move.record !== 'ds') return false;
      return !asks || signing.approved?.includes(nameOfMove(move)) === true;
    },
  };
}

/** Where no DS was asked for yet there is nothing that a person could save. */
function needsApproval({ policy, keys }: ZoneSigning): boolean {
  return policy.approval && keys.some((key) => stateOf(key, 'ds') !== 'hidden');
}

/** Name a move for the list of those that a person has allowed. */
export function nameOfMove({ key, record, to }: Move): string {
  return `${key} ${record} ${to}`;
}

function parentSightings({ parent }: Pick<ZoneSigning, 'parent'>): ReadonlyMap<string, Sighting> {
  return new Map(Object.entries(parent));
}

/** A DNSKEY and its signature are everywhere with the version that has them; the signatures of data when a round is done. */
function zoneSightings({ keys, round, keySetAt }: ZoneSigning): ZoneSightings {
  return new Map(
    keys.map((key) => [
      key.id,
      {
        dnskey: sighting(key, 'dnskey', keySetAt),
        krrsig: sighting(key, 'krrsig', keySetAt),
        zrrsig: round.kind === 'done' ? sighting(key, 'zrrsig', round.at) : { kind: 'somewhere' },
      },
    ]),
  );
}

function sighting(key: SigningKey, record: 'dnskey' | 'krrsig' | 'zrrsig', since: number): Sighting {
  return { kind: isPublished(key, record) ? 'everywhere' : 'nowhere', since };
}

/** What a step of a zone's rollovers changes. */
export interface ZoneStep extends Pick<AdvanceResult, 'waiting'> {
  readonly signing: ZoneSigning;
  readonly transitions: readonly Transition[];
  /** Keys that no cache can know any more, and that the zone lets go. */
  readonly released: readonly SigningKey[];
}

/** Make every move that is safe now. @param now seconds since the epoch */
export function advanceZone(signing: ZoneSigning, now: number): ZoneStep {
  const { keys: moved, transitions, wakeAt, waiting } = advance(rolloverInput(signing, now));
  const all = moved.map((key, index) => ({ ...(signing.keys[index] as SigningKey), ...key }));
  const keys = all.filter((key) => key.goal === 'omnipresent' || !isHidden(key));
  const { wakeAt: _, approved = [], parentDs = {}, ...rest } = signing;
  const made = new Set(transitions.map(nameOfMove));
  const stillApproved = approved.filter((name) => !made.has(name));
  const watched = new Set([...keys.map(({ id }) => id), ...(signing.foreignKeys ?? []).map(foreignId)]);
  const parent = Object.fromEntries(Object.entries(signing.parent).filter(([id]) => watched.has(id)));
  const found = Object.entries(parentDs).filter(([id]) => watched.has(id));
  return {
    signing: {
      ...rest,
      keys,
      parent,
      ...(found.length === 0 ? {} : { parentDs: Object.fromEntries(found) }),
      round: isSignedAlike(signing.keys, keys) ? signing.round : { kind: 'rrsets' },
      ...(wakeAt === undefined ? {} : { wakeAt }),
      ...(stillApproved.length === 0 ? {} : { approved: stillApproved }),
    },
    transitions,
    released: all.filter((key) => !keys.includes(key)),
    waiting,
  };
}

/**
 * Replace a key that cannot be used or trusted any more, at once and without asking whether that is safe.
 *
 * @param now seconds since the epoch
 * @throws DnssecError not-found, request-invalid when the replacement is of another role or algorithm
 */
export function replaceInZone(
  signing: ZoneSigning,
  lost: string,
  replacement: string,
  now: number,
): { readonly step: ZoneStep; readonly outage?: Outage } {
  const { keys: replaced, transitions, outage } = replaceAtOnce(lost, replacement, now, rolloverInput(signing, now));
  const keys = withGoals(replaced);
  const round: SigningRound = isSignedAlike(signing.keys, keys) ? signing.round : { kind: 'rrsets' };
  const step = { signing: { ...signing, keys, round }, transitions, released: [], waiting: [] };
  return { step, ...(outage === undefined ? {} : { outage }) };
}

/** Take keys for those of a zone again, after their goals were changed: goals leave everything else of a key as it is. */
export function withGoals(changed: readonly RolloverKey[]): readonly SigningKey[] {
  return changed as readonly SigningKey[];
}

/** Note what all servers of the parent show of a key's DS. @param now seconds since the epoch */
export function withSighting(signing: ZoneSigning, id: string, kind: Sighting['kind'], now: number): ZoneSigning {
  if (signing.parent[id]?.kind === kind) return signing;
  const seen: Sighting = kind === 'somewhere' ? { kind } : { kind, since: now };
  const { parentDs, ...rest } = signing;
  const found = Object.entries(parentDs ?? {}).filter(([one]) => kind !== 'nowhere' || one !== id);
  const kept = found.length === 0 ? {} : { parentDs: Object.fromEntries(found) };
  return { ...rest, ...kept, parent: { ...signing.parent, [id]: seen } };
}

/** Tell whether the same keys sign the data. */
function isSignedAlike(before: readonly RolloverKey[], after: readonly RolloverKey[]): boolean {
  return whatToPublish(before).dataSigners.join(' ') === whatToPublish(after).dataSigners.join(' ');
}

/** Return what a zone version publishes of its keys. */
export function publicationOf(signing: Pick<ZoneSigning, 'keys' | 'parent'>): Publication {
  return whatToPublish(signing.keys, parentSightings(signing));
}

/** Return the keys that sign now, each in the role in which it does: of a CSK on its way, only a part may sign. */
export function signersOf(
  signing: Pick<ZoneSigning, 'keys' | 'parent'>,
): readonly { readonly key: SigningKey; readonly role: Role }[] {
  const { dnskeySigners, dataSigners } = publicationOf(signing);
  return signing.keys.flatMap((key) => {
    const [signsKeys, signsData] = [dnskeySigners.includes(key.id), dataSigners.includes(key.id)];
    if (!signsKeys && !signsData) return [];
    return [{ key, role: signsKeys ? (signsData ? 'csk' : 'ksk') : 'zsk' } as const];
  });
}

/**
 * Tell whether a zone whose signing was switched off may be published unsigned: no cache can hold a DS of its keys, and the
 * parent was not seen with any other, nor is to get one of another signer.
 */
export function isReadyToUnsign({
  isLeaving,
  keys,
  foreignDs = [],
  foreignKeys = [],
}: Pick<ZoneSigning, 'isLeaving' | 'keys' | 'foreignDs' | 'foreignKeys'>): boolean {
  const isGone = keys.every((key) => key.goal === 'hidden' && stateOf(key, 'ds') === 'hidden');
  return isLeaving === true && isGone && foreignDs.length + foreignKeys.length === 0;
}

/** Note the TTLs with which a version is published. @param now seconds since the epoch */
export function noteTtls(
  { ttls, policy }: Pick<ZoneSigning, 'ttls' | 'policy'>,
  published: Readonly<Partial<Record<TtlKind, number>>>,
  now: number,
): RolloverTtls {
  const { propagationDelay, parentPropagationDelay, publishSafety, retireSafety } = policy;
  const slack = Math.max(propagationDelay, parentPropagationDelay) + Math.max(publishSafety, retireSafety);
  const kinds = Object.keys(published) as TtlKind[];
  const noted = kinds.map((kind) => [kind, noteTtl(ttls[kind], published[kind] ?? 0, now, slack)] as const);
  return { ...ttls, ...Object.fromEntries(noted) };
}

/** Return the TTL of a kind with which the newest version is published, in seconds. */
export function newestTtl(ttls: RolloverTtls, kind: TtlKind): number {
  return ttls[kind].at(-1)?.ttl ?? 0;
}

const day = 86_400;

/**
 * Return for how many seconds a rollover may wait for something before it counts as stuck. A parent that acts by itself looks
 * for CDS about once a day, and a person may be away for a weekend; until a change of the parent has reached all servers
 * and caches is added. Signing has days until signatures run out, of which a rollover should not take more than one.
 */
export function waitBound(kind: RolloverWait['kind'], policy: SigningPolicy): number {
  if (kind === 'signing') return day;
  return 3 * day + (kind === 'parent' ? policy.parentDsTtl + policy.parentPropagationDelay : 0);
}

/** Return when the first rollover counts as stuck if nothing happens, in seconds; infinite where none waits untold. */
function stuckTime({ waits = {}, policy }: ZoneSigning): number {
  const untold = Object.values(waits).filter(({ isTold }) => isTold !== true);
  return Math.min(...untold.map(({ kind, since }) => since + waitBound(kind, policy)));
}

/** Return when there is something to do for a signed zone, in seconds. */
export function dueTime({ refreshAt, signing }: { refreshAt?: number; signing?: ZoneSigning }): number | undefined {
  if (signing === undefined) return undefined;
  const { wakeAt, probeAt, round, lastSignedAt } = signing;
  const times = [
    refreshAt,
    wakeAt,
    probeAt,
    stuckTime(signing),
    round.kind === 'done' ? undefined : Math.floor(lastSignedAt / 1000),
  ];
  const first = Math.min(...times.filter((time) => time !== undefined));
  return first === Infinity ? undefined : first;
}
