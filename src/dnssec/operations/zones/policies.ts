import { DnssecError } from '#dnssec/core/errors.ts';
import { assertPolicy, isSamePolicy } from '#dnssec/core/managed/check-policy.ts';
import { assertPolicyName } from '#dnssec/core/managed/compare-policies.ts';
import { defaultPolicy, type SigningPolicy } from '#dnssec/core/managed/signing-state.ts';
import { scopeOf } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { NamedPolicy } from '#dnssec/ports-policies.ts';
import type { ZoneScope } from '#dnssec/ports-zones.ts';

/** Fields of a policy; those that are absent keep what they had, or have their default. */
export type PolicyFields = { readonly [Field in keyof SigningPolicy]?: SigningPolicy[Field] | undefined };

/** What zones have that name no policy, until somebody writes one of that name. */
const builtIn: NamedPolicy = { name: 'default', version: 0, createdAt: 0, policy: defaultPolicy };

/** Complete a policy with another. @throws DnssecError request-invalid when they don't go together */
export function completePolicy(wanted: PolicyFields, before: SigningPolicy): SigningPolicy {
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  const policy: SigningPolicy = { ...before, ...given };
  assertPolicy(policy);
  return policy;
}

/** Return a version of a policy, the newest unless one is named. @throws DnssecError not-found */
export async function getPolicy(
  ports: Pick<ZonePorts, 'policies'>,
  scope: ZoneScope,
  name: string,
  version?: number,
): Promise<NamedPolicy> {
  const found = await ports.policies.findPolicy(scope, name, version);
  if (found !== undefined) return found;
  if (name === builtIn.name && (version === undefined || version === builtIn.version)) return builtIn;
  const which = version === undefined ? '' : ` version ${version}`;
  throw new DnssecError('not-found', `there is no policy ${name.slice(0, 63)}${which}`);
}

/** List the newest version of each policy of the caller, by name, that which comes with the service among them. */
export async function listPolicies(ports: ZonePorts, caller: Caller): Promise<readonly NamedPolicy[]> {
  const own = await ports.policies.listPolicies(scopeOf(caller));
  const all = own.some(({ name }) => name === builtIn.name) ? own : [builtIn, ...own];
  return all.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * Write a policy as a new version, complete with defaults. No zone changes by that: each keeps the version that it was given
 * until it is given another. What is so already makes no version.
 *
 * @throws DnssecError request-invalid, conflict
 */
export async function putPolicy(
  ports: ZonePorts,
  caller: Caller,
  name: string,
  wanted: PolicyFields,
  principal: string,
): Promise<NamedPolicy> {
  assertPolicyName(name);
  const scope = scopeOf(caller);
  const policy = completePolicy(wanted, defaultPolicy);
  const before = await ports.policies.findPolicy(scope, name);
  if (before !== undefined && isSamePolicy(before.policy, policy)) return before;
  const next = { name, version: (before?.version ?? 0) + 1, createdAt: ports.clock.now(), principal, policy };
  await ports.policies.insertPolicy(scope, next);
  return next;
}
