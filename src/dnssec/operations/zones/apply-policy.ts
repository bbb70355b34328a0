import { DnssecError } from '#dnssec/core/errors.ts';
import { runWhereItFits } from '#dnssec/operations/zones/apart.ts';
import { getPolicy } from '#dnssec/operations/zones/policies.ts';
import { scopeOf } from '#dnssec/operations/zones/manage-zones.ts';
import type { SigningPreview } from '#dnssec/operations/zones/preview-signing.ts';
import type { ChangeCause } from '#dnssec/operations/zones/publish-version.ts';
import type { SigningRequest } from '#dnssec/operations/zones/switch-signing.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** What became of a zone, or would. */
export interface AppliedPolicy extends Pick<SigningPreview, 'changes' | 'effects' | 'faults'> {
  readonly zone: ManagedZone;
  /** The version of the policy that it had. */
  readonly from: number;
}

export interface PolicyRun {
  /** The version that zones are given. */
  readonly version: number;
  readonly zones: readonly AppliedPolicy[];
  /** Zones that have an older version still. */
  readonly left: number;
}

/**
 * Give the newest version of a policy to zones that have an older one of it, with the rights of the caller, or tell what that
 * would do. A zone that cannot have it keeps what it has, and the others go on.
 *
 * @param limit zones at a time
 * @throws DnssecError not-found
 */
export async function applyPolicy(
  ports: ZonePorts,
  caller: Caller,
  name: string,
  { limit, dryRun }: { readonly limit: number; readonly dryRun: boolean },
  cause: ChangeCause,
): Promise<PolicyRun> {
  const scope = scopeOf(caller);
  const { version } = await getPolicy(ports, scope, name);
  const all = await ports.store.listZones(scope, {});
  const behind = all.flatMap((zone) => {
    const ref = zone.signing?.policyRef;
    return ref?.name === name && ref.version !== version ? [{ zone, from: ref.version }] : [];
  });
  const zones: AppliedPolicy[] = [];
  for (const { zone, from } of behind.slice(0, limit)) {
    const { region = '', kmsKeyIdentity, zskKmsKeyIdentity } = zone.signing ?? {};
    const request: SigningRequest = { region, kmsKeyIdentity, zskKmsKeyIdentity, policyName: name };
    const { changes, effects, faults } = await runWhereItFits(ports, zone.id, 'previewSigning', [
      caller,
      zone.identity,
      request,
    ]);
    const refusal =
      dryRun || faults.length > 0
        ? undefined
        : await refusalOf(() =>
            runWhereItFits(ports, zone.id, 'enableSigning', [caller, zone.identity, request, cause]),
          );
    zones.push({ zone, from, changes, effects, faults: refusal === undefined ? faults : [refusal] });
  }
  const done = dryRun ? 0 : zones.filter(({ faults }) => faults.length === 0).length;
  return { version, zones, left: behind.length - done };
}

/** Why something is refused; nothing if it is done. */
async function refusalOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof DnssecError)) throw error;
    return error.message;
  }
}
