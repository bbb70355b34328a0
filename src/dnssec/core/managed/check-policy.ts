import { DnssecError } from '#dnssec/core/errors.ts';
import type { SigningPolicy } from '#dnssec/core/managed/signing-state.ts';
import { rolloverPolicy } from '#dnssec/core/managed/zone-rollover.ts';
import { assertRolloverPolicy } from '#dnssec/core/rollover/rollover-policy.ts';
import { assertValidityPolicy } from '#dnssec/core/signing/validity.ts';

/** Fields of a policy that say what stands in a signed zone, so that a change of them signs it anew. */
const signatureFields = [
  'denial',
  'optOut',
  'zonemd',
  'validity',
  'inceptionOffset',
  'jitter',
  'refresh',
  'dnskeyTtl',
  'maxTtl',
] as const satisfies readonly (keyof SigningPolicy)[];

/** Tell whether a change of policy changes what a signed zone contains, its keys aside. */
export function changesSignatures(before: SigningPolicy, after: SigningPolicy): boolean {
  return signatureFields.some((field) => before[field] !== after[field]);
}

/** Tell whether two policies are the same. */
export function isSamePolicy(one: SigningPolicy, other: SigningPolicy): boolean {
  return (Object.keys({ ...one, ...other }) as (keyof SigningPolicy)[]).every((field) => one[field] === other[field]);
}

const day = 86_400;

/**
 * Check that a policy keeps a zone valid at all times.
 *
 * Source: RFC 6781 §4.4.2.
 *
 * @throws DnssecError request-invalid
 */
export function assertPolicy(policy: SigningPolicy): void {
  const { validity, jitter, inceptionOffset, refresh, denial, optOut, maxTtl, propagationDelay } = policy;
  assertValidityPolicy({ lifetime: validity, jitter, inceptionOffset });
  assertRolloverPolicy(rolloverPolicy(policy));
  if (refresh < maxTtl + propagationDelay)
    throw invalid(
      'refresh must be at least maxTtl and propagationDelay together, or caches would hold expired signatures',
    );
  if (optOut && denial === 'nsec') throw invalid('optOut is a feature of NSEC3: choose the denial nsec3 with it');
  for (const field of ['keyLifetime', 'zskLifetime'] as const) {
    if (policy[field] % day !== 0) throw invalid(`${field} must be whole days, as multiples of ${day} s`);
  }
}

function invalid(message: string): DnssecError {
  return new DnssecError('request-invalid', `policy: ${message}`);
}
