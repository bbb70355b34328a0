import {
  comparePolicies,
  effectsOf,
  type PolicyChange,
  type PolicyEffect,
} from '#dnssec/core/managed/compare-policies.ts';
import type { SigningPolicy } from '#dnssec/core/managed/signing-state.ts';
import { checkZone } from '#dnssec/core/zone/checks.ts';
import { formatFault } from '#dnssec/core/zone/faults.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { gatherContents } from '#dnssec/operations/zones/gather-contents.ts';
import { type SigningRequest, wishedPolicy } from '#dnssec/operations/zones/switch-signing.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';

/** What signing a zone as asked for would do. */
export interface SigningPreview {
  readonly policy: SigningPolicy;
  /** Where it differs from what the zone has; nothing for a zone that is not signed. */
  readonly changes: readonly PolicyChange[];
  readonly effects: readonly PolicyEffect[];
  /** Why it would be refused, such as TTLs above the cap. */
  readonly faults: readonly string[];
}

/** Tell what signing a zone as asked for would do, and do nothing: no key is made. @throws DnssecError not-found, request-invalid */
export async function previewSigning(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  request: SigningRequest,
): Promise<SigningPreview> {
  const zone = await getOwnZone(ports, caller, id);
  const { policy } = await wishedPolicy(ports, zone, request);
  const before = zone.signing?.policy;
  const found = checkZone((await gatherContents(ports, zone)).zone, { maxTtl: policy.maxTtl });
  const errors = found.filter(({ severity }) => severity === 'error');
  return {
    policy,
    changes: before === undefined ? [] : comparePolicies(before, policy),
    effects: before === undefined ? ['signed-anew'] : effectsOf(before, policy),
    faults: errors.map(formatFault),
  };
}
