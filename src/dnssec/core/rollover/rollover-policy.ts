import { DnssecError } from '#dnssec/core/errors.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** How keys are rolled; all durations in seconds. */
export interface RolloverPolicy {
  /** Waited on top of what caches need, before a published record counts as known to all. */
  readonly publishSafety: number;
  /** Waited on top of what caches need, before a withdrawn record counts as forgotten. */
  readonly retireSafety: number;
  /** The most that a change of the zone takes to reach all its servers. */
  readonly zonePropagation: number;
  /** The most that a change of the parent takes to reach all servers after it is seen at all that we know. */
  readonly parentPropagation: number;
  /** From signing to expiration. */
  readonly signatureValidity: number;
  /** How long before its expiration a signature is made anew at the latest. */
  readonly signatureRefresh: number;
  /** The most that a signature's validity is shortened, so that not all expire at once. */
  readonly signatureJitter: number;
  /** Which comes first for a KSK beside another of its algorithm: its DNSKEY or its DS. Source: RFC 7583 §2.2. */
  readonly kskRollover: 'double-ksk' | 'double-ds';
  /**
   * Whether the signatures of a new algorithm must be everywhere before its DNSKEY, and outlive it, or only its DS is held
   * to that. Source: RFC 6781 §4.1.4.
   */
  readonly algorithmRollover: 'conservative' | 'liberal';
}

export const defaultRolloverPolicy: RolloverPolicy = {
  publishSafety: hour,
  retireSafety: hour,
  zonePropagation: 5 * minute,
  parentPropagation: hour,
  signatureValidity: 14 * day,
  signatureRefresh: 5 * day,
  signatureJitter: 12 * hour,
  kskRollover: 'double-ksk',
  algorithmRollover: 'conservative',
};

/** Return how long it takes at most until every signature has been made anew, in seconds. */
export function longestSigningRound(policy: RolloverPolicy): number {
  return policy.signatureValidity - policy.signatureRefresh;
}

/**
 * Check that the durations of a policy are whole and not negative, and that signatures are made anew in time.
 *
 * @throws DnssecError request-invalid
 */
export function assertRolloverPolicy(policy: RolloverPolicy): void {
  for (const [name, value] of Object.entries(policy)) {
    if (typeof value === 'number' && (!Number.isSafeInteger(value) || value < 0)) {
      throw new DnssecError('request-invalid', `${name} must be a whole number of seconds, not ${value}`);
    }
  }
  if (policy.signatureValidity <= policy.signatureRefresh + policy.signatureJitter) {
    throw new DnssecError(
      'request-invalid',
      `the validity of ${policy.signatureValidity} s must be longer than refresh and jitter, ${policy.signatureRefresh} s and ${policy.signatureJitter} s`,
    );
  }
}
