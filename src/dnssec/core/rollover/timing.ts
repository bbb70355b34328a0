import { type RecordName, recordNames, type RolloverKey, spansOf } from '#dnssec/core/rollover/key-state.ts';
import { longestSigningRound, type RolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';
import type { ParentSightings, Sighting, ZoneSightings } from '#dnssec/core/rollover/sightings.ts';
import { isCovered } from '#dnssec/core/rollover/spans.ts';
import { forgottenAt, type RolloverTtls } from '#dnssec/core/rollover/ttl-history.ts';

/** All that the time of a transition depends on. */
export interface TimingFacts {
  readonly keys: readonly RolloverKey[];
  readonly policy: RolloverPolicy;
  readonly ttls: RolloverTtls;
  readonly parent: ParentSightings;
  /**
   * Absent where a change is published at once and signatures are replaced smoothly, each when it is due: then a change of
   * the signing key takes a whole signing round.
   */
  readonly zone?: ZoneSightings;
}

/** The settled states, which a record enters by time and not by our choice. */
export type Settled = 'omnipresent' | 'hidden';

/** The time from which a transition may happen, in seconds since the epoch, or whose sighting it still needs. */
export type Earliest =
  | { readonly kind: 'time'; readonly at: number; readonly text: string }
  | { readonly kind: 'parent' | 'publication'; readonly text: string };

/**
 * Return the earliest time at which every cache has a record that was published, or has forgotten one that was withdrawn.
 *
 * Source: RFC 7583 §3.2.1, RFC 7583 §3.3.1.
 */
export function earliestOf(key: RolloverKey, record: RecordName, to: Settled, facts: TimingFacts): Earliest {
  const change = changeOf(key, record, to, facts);
  if (typeof change !== 'number') return change;
  const text =
    to === 'omnipresent'
      ? 'resolvers may still hold answers from before it was published'
      : 'resolvers may still hold answers from before it was withdrawn';
  return { kind: 'time', at: forgottenBy(key, record, to, change, facts), text };
}

/** The time at which the last server had the change, if it is over. */
function changeOf(key: RolloverKey, record: RecordName, to: Settled, facts: TimingFacts): number | Earliest {
  const { since } = key.records[record] ?? { since: 0 };
  if (record === 'ds') {
    const text =
      to === 'omnipresent'
        ? 'the DS is not seen at all servers of the parent'
        : 'the DS is not gone from all servers of the parent';
    return seenSince(facts.parent.get(key.id), to, since) ?? { kind: 'parent', text };
  }
  if (facts.zone === undefined) return record === 'zrrsig' ? since + longestSigningRound(facts.policy) : since;
  const text = to === 'omnipresent' ? 'no version with all of it is published' : 'no version without it is published';
  return seenSince(facts.zone.get(key.id)?.[record], to, since) ?? { kind: 'publication', text };
}

function seenSince(sighting: Sighting | undefined, to: Settled, since: number): number | undefined {
  const wanted = to === 'omnipresent' ? 'everywhere' : 'nowhere';
  return sighting?.kind === wanted ? Math.max(since, sighting.since) : undefined;
}

function forgottenBy(key: RolloverKey, record: RecordName, to: Settled, change: number, facts: TimingFacts): number {
  const { policy, ttls } = facts;
  switch (record) {
    case 'ds':
      return forgottenAt(ttls.ds, change) + policy.parentPropagation + policy.retireSafety;
    case 'zrrsig': {
      const forgotten = Math.max(forgottenAt(ttls.zone, change), forgottenAt(ttls.negative, change));
      return forgotten + policy.zonePropagation + policy.retireSafety;
    }
    default: {
      const mayBeDenied = to === 'omnipresent' && !wasThereADnskey(key, change, facts.keys);
      const forgotten = Math.max(
        forgottenAt(ttls.dnskey, change),
        mayBeDenied ? forgottenAt(ttls.negative, change) : change,
      );
      const safety = to === 'omnipresent' ? policy.publishSafety : policy.retireSafety;
      return forgotten + policy.zonePropagation + safety;
    }
  }
}

/** Where no DNSKEY was before, resolvers may have been told so. Source: RFC 2308 §5. */
function wasThereADnskey(key: RolloverKey, change: number, keys: readonly RolloverKey[]): boolean {
  const others = keys.filter(({ id }) => id !== key.id).flatMap((other) => spansOf(other, 'dnskey'));
  return isCovered({ to: change }, others);
}

/**
 * Return the time to stamp on changes made now. It is later than all changes before, whatever the clock says: their order
 * is what safety is judged by, and a clock that went back must not turn it round.
 *
 * @param now seconds since the epoch
 */
export function stampOf(now: number, keys: readonly RolloverKey[]): number {
  let last = -Infinity;
  for (const key of keys) {
    for (const record of recordNames) {
      const found = key.records[record];
      if (found?.state === 'rumoured' || found?.state === 'unretentive') last = Math.max(last, found.since);
    }
  }
  return now > last ? now : last + 1;
}
