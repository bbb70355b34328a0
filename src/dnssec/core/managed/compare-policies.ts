import { DnssecError } from '#dnssec/core/errors.ts';
import { changesSignatures } from '#dnssec/core/managed/check-policy.ts';
import type { SigningPolicy } from '#dnssec/core/managed/signing-state.ts';

export interface PolicyChange {
  readonly field: keyof SigningPolicy;
  readonly from: SigningPolicy[keyof SigningPolicy];
  readonly to: SigningPolicy[keyof SigningPolicy];
}

/**
 * What another policy means for a signed zone: its keys are replaced by a rollover, everything is signed anew as one
 * version, or it only counts from now on.
 */
export type PolicyEffect = 'key-rollover' | 'signed-anew' | 'noted';

/** Return the fields in which two policies differ, by name. */
export function comparePolicies(before: SigningPolicy, after: SigningPolicy): PolicyChange[] {
  const fields = Object.keys({ ...before, ...after }) as (keyof SigningPolicy)[];
  return fields
    .toSorted((one, other) => (one < other ? -1 : 1))
    .filter((field) => before[field] !== after[field])
    .map((field) => ({ field, from: before[field], to: after[field] }));
}

/** Return what a change of policy does to a signed zone; nothing where the policies are the same. */
export function effectsOf(before: SigningPolicy, after: SigningPolicy): PolicyEffect[] {
  if (comparePolicies(before, after).length === 0) return [];
  const effects: PolicyEffect[] = [];
  if (before.keyType !== after.keyType || before.keys !== after.keys) effects.push('key-rollover');
  if (changesSignatures(before, after)) effects.push('signed-anew');
  return effects.length === 0 ? ['noted'] : effects;
}

const nameShape = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** @throws DnssecError request-invalid */
export function assertPolicyName(name: string): void {
  if (!nameShape.test(name))
    throw new DnssecError('request-invalid', 'the name of a policy is 1 to 63 of a-z, 0-9 and -, which stands within');
}
