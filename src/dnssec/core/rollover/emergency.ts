import { DnssecError } from '#dnssec/core/errors.ts';
import type { Transition } from '#dnssec/core/rollover/advance.ts';
import { getKey } from '#dnssec/core/rollover/goals.ts';
import {
  isPublished,
  moveRecord,
  type RecordName,
  recordNames,
  type RolloverKey,
  stateOf,
} from '#dnssec/core/rollover/key-state.ts';
import { stampOf, type TimingFacts } from '#dnssec/core/rollover/timing.ts';
import { forgottenAt } from '#dnssec/core/rollover/ttl-history.ts';

/** How long some resolvers take the zone for bogus, in seconds. */
export interface Outage {
  /** Until their caches have forgotten what only the lost key vouches for. */
  readonly zone: number;
  /** How long after all servers of the parent have the new DS, and no other of the lost key, as well; where it has one. */
  readonly afterParent?: number;
}

export interface Replacement {
  readonly keys: readonly RolloverKey[];
  /** Moves that safety was not asked about; `advance` makes the others. */
  readonly transitions: readonly Transition[];
  /** None: the replacement stood by, and no resolver notices. */
  readonly outage?: Outage;
}

/**
 * Replace a key that cannot be used or trusted any more, at once. A replacement whose DNSKEY and DS are everywhere already
 * takes over without a gap; any other breaks the chain of trust for as long as the outage says. Where the lost key can still
 * be used and trusted for a while, an ordinary rollover is better. The parent has to be told by other means than CDS, which
 * only keys that it trusts can sign.
 *
 * Source: RFC 6781 §4.2.1, RFC 7344 §4.1.
 *
 * @param now seconds since the epoch
 * @throws DnssecError not-found, request-invalid when the replacement is of another role or algorithm
 */
export function replaceAtOnce(lost: string, replacement: string, now: number, facts: TimingFacts): Replacement {
  const [from, to] = [getKey(facts.keys, lost), getKey(facts.keys, replacement)];
  if (from.id === to.id || from.role !== to.role || from.algorithm !== to.algorithm) {
    throw new DnssecError('request-invalid', `key ${to.id} is not of the role and algorithm of key ${from.id}`);
  }
  const { standby: _, ...called } = to;
  const goals = facts.keys.map((key): RolloverKey => {
    if (key.id === to.id) return { ...called, goal: 'omnipresent', predecessor: from.id };
    return key.id === from.id ? { ...key, goal: 'hidden' } : key;
  });
  if (isReady(to)) return { keys: goals, transitions: [] };
  return { ...swap(goals, from, to, stampOf(now, facts.keys)), outage: outageOf(from, now, facts) };
}

/** Tell whether every resolver can use a key's signatures at once. */
function isReady(key: RolloverKey): boolean {
  return stateOf(key, 'dnskey') === 'omnipresent' && (key.role === 'zsk' || stateOf(key, 'ds') === 'omnipresent');
}

function swap(keys: readonly RolloverKey[], from: RolloverKey, to: RolloverKey, at: number): Replacement {
  const transitions: Transition[] = [];
  const move = (key: RolloverKey, record: RecordName, state: 'rumoured' | 'unretentive'): RolloverKey => {
    transitions.push({ key: key.id, record, from: stateOf(key, record), to: state, at });
    return moveRecord(key, record, state, at);
  };
  const moved = keys.map((key) => {
    let result = key;
    for (const record of recordNames) {
      if (key.records[record] === undefined) continue;
      if (key.id === to.id && !isPublished(key, record)) result = move(result, record, 'rumoured');
      if (key.id === from.id && isPublished(key, record)) result = move(result, record, 'unretentive');
    }
    return result;
  });
  return { keys: moved, transitions };
}

function outageOf(lost: RolloverKey, now: number, { policy, ttls }: TimingFacts): Outage {
  const data = lost.role === 'ksk' ? [] : [ttls.zone, ttls.negative];
  const forgotten = Math.max(...[ttls.dnskey, ...data].map((history) => forgottenAt(history, now)));
  const zone = forgotten - now + policy.zonePropagation;
  if (lost.role === 'zsk') return { zone };
  return { zone, afterParent: forgottenAt(ttls.ds, now) - now + policy.parentPropagation };
}
