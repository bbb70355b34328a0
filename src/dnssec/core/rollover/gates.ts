import { type RecordName, type RolloverKey, stateOf } from '#dnssec/core/rollover/key-state.ts';
import type { RolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';

type GatePolicy = Pick<RolloverPolicy, 'kskRollover'>;
/** Gives what stands against the publication of one record of a key, if anything does. */
type Gate = (key: RolloverKey, keys: readonly RolloverKey[], policy: GatePolicy) => string | undefined;

const unknownDnskey = 'its DNSKEY is not known to all resolvers';

/** Gates keep the steps of a rollover in their order, so that fewer keys sign at a time; safety does not need them. */
const gates: Readonly<Record<RecordName, Gate>> = {
  dnskey: (key, keys, policy) =>
    isDsFirst(key, keys, policy) && stateOf(key, 'ds') !== 'omnipresent' ? 'its DS comes first' : undefined,
  krrsig: (key) => (stateOf(key, 'dnskey') === 'hidden' ? 'its DNSKEY is not published' : undefined),
  ds: (key, keys, policy) =>
    stateOf(key, 'dnskey') === 'omnipresent' || isDsFirst(key, keys, policy) ? undefined : unknownDnskey,
  // The signatures of a new algorithm come before its keys: a DNSKEY promises that all data are signed with it.
  zrrsig: (key, keys) => {
    const isTrusted = keys.some(({ algorithm, records }) => {
      return algorithm === key.algorithm && (records.ds?.state ?? 'hidden') !== 'hidden';
    });
    return stateOf(key, 'dnskey') === 'omnipresent' || !isTrusted ? undefined : unknownDnskey;
  },
};

/**
 * Return why a hidden record is not to be published yet, although that may be safe; nothing if it may be.
 *
 * @param mayUse tells whether a key has passed its self-test
 */
export function gateAgainst(
  key: RolloverKey,
  record: RecordName,
  keys: readonly RolloverKey[],
  policy: GatePolicy,
  mayUse: (key: RolloverKey) => boolean,
): string | undefined {
  return mayUse(key) ? gates[record](key, keys, policy) : 'the key has not passed its self-test';
}

/** A DS can only precede its DNSKEY beside a key of the same algorithm that stands firm. Source: RFC 7583 §3.3.2. */
function isDsFirst(key: RolloverKey, keys: readonly RolloverKey[], policy: GatePolicy): boolean {
  if (policy.kskRollover !== 'double-ds' || key.role !== 'ksk') return false;
  return keys.some((other) => other.id !== key.id && other.algorithm === key.algorithm && isFirm(other));
}

function isFirm(key: RolloverKey): boolean {
  return (['dnskey', 'krrsig', 'ds'] as const).every((record) => stateOf(key, record) === 'omnipresent');
}
