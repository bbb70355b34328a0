import { secondsOf } from '#lib/clock.ts';
import type { SigningKey } from '#dnssec/core/managed/signing-state.ts';
import { introduceKey } from '#dnssec/core/rollover/goals.ts';
import { assertSigns, assertUsableBeside, describeZoneKey } from '#dnssec/operations/zone-keys.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/**
 * Let a version of a KMS key prove itself, and make a key of it that nothing is published of.
 *
 * @param others the zone's other keys, whose tags it must not share
 * @throws DnssecError key-invalid, key-tag-collision, algorithm-unsupported, not-found, kms-refused, kms-unavailable
 */
export async function proveKey(
  ports: ZonePorts,
  zone: Pick<ManagedZone, 'scope'>,
  others: readonly Pick<SigningKey, 'dnskey'>[],
  wanted: Pick<SigningKey, 'region' | 'keyId' | 'role' | 'version'> & { readonly algorithm?: number },
): Promise<SigningKey> {
  const { region, keyId, role, version, algorithm } = wanted;
  const name = JSON.stringify([zone.scope, region, keyId, version, role, algorithm]);
  const choice = { keyId, role, versions: [version] as const, ...(algorithm === undefined ? {} : { algorithm }) };
  const signer = ports.serviceSigner(zone, region);
  const dnskeys = others.map(({ dnskey }) => dnskey);
  const proven = await ports.keyProofs.prove(name, ports.clock.now(), {
    describe: () => describeZoneKey(signer, choice),
    assertUsable: (key) => assertUsableBeside(key, dnskeys),
    assertSigns: (key) => assertSigns(signer, ports.verifier, key),
  });
  const { keyTag, dnskey } = proven;
  const id = `${keyId}.${version}`;
  return {
    ...introduceKey({ id, algorithm: proven.algorithm.number, role }, secondsOf(ports.clock)),
    region,
    keyId,
    version,
    keyTag,
    dnskey,
  };
}
