import { DnssecError } from '#dnssec/core/errors.ts';
import { getAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import type { Role, ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { signersOf } from '#dnssec/core/managed/zone-rollover.ts';
import type { SigningContext } from '#dnssec/core/signing/plan.ts';
import { assertClockAdvances } from '#dnssec/core/signing/validity.ts';
import type { SigningPorts } from '#dnssec/operations/sign-planned.ts';
import { apexOf } from '#dnssec/operations/zones/apex.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Signer } from '#dnssec/ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** What is common to all signatures of a version, and where they come from. */
export interface ZoneSigners {
  readonly context: SigningContext;
  readonly signer: SigningPorts;
}

/**
 * Gather the keys that sign a zone now.
 *
 * @param now seconds since the epoch
 * @throws DnssecError signing-refused when the clock went back, key-invalid when there are none for the keys or the data
 */
export function zoneSigners(ports: ZonePorts, zone: ManagedZone, signing: ZoneSigning, now: number): ZoneSigners {
  assertClockAdvances(now, Math.floor(signing.lastSignedAt / 1000));
  const { validity, inceptionOffset, jitter } = signing.policy;
  const keys = signersOf(signing).map(({ key, role }) => ({ ...zoneKeyOf(key), role }));
  assertRoles(zone, keys);
  const context = {
    apex: apexOf(zone),
    keys,
    validity: { lifetime: validity, inceptionOffset, jitter },
    now,
  };
  return { context, signer: { signer: signerByRegion(ports, zone, signing.keys), verifier: ports.verifier } };
}

function assertRoles(zone: ManagedZone, keys: readonly ZoneKey[]): void {
  const isMissing = (other: Role): boolean => keys.every(({ role }) => role === other);
  if (isMissing('zsk') || isMissing('ksk'))
    throw new DnssecError(
      'key-invalid',
      `zone ${zone.name} has no key that signs its keys, or none that signs its data`,
    );
}

/** Show a key of a zone to the rest of the signer. */
export function zoneKeyOf({ role, algorithm, dnskey, keyTag, keyId, version }: SigningKey): ZoneKey {
  return { role, algorithm: getAlgorithm(algorithm), dnskey, keyTag, kmsKey: { keyId, version } };
}

/** Let each key sign where it is. */
function signerByRegion(ports: ZonePorts, zone: ManagedZone, keys: readonly SigningKey[]): Signer {
  const signerOf = (keyId: string): Signer => {
    const key = keys.find((one) => one.keyId === keyId);
    if (key === undefined) throw new DnssecError('key-invalid', `zone ${zone.name} has no KMS key ${keyId}`);
    return ports.serviceSigner(zone, key.region);
  };
  return {
    getKey: async (keyId) => signerOf(keyId).getKey(keyId),
    sign: async (batch) => signerOf(batch.keyId).sign(batch),
  };
}
