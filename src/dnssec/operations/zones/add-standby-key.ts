import { DnssecError } from '#dnssec/core/errors.ts';
import { assertOnlySigner } from '#dnssec/core/managed/foreign-keys.ts';
import { describeKey, keyDetails } from '#dnssec/core/managed/describe-moves.ts';
import { withGoals } from '#dnssec/core/managed/zone-rollover.ts';
import { retireKey, standBy } from '#dnssec/core/rollover/goals.ts';
import { chosenKey } from '#dnssec/operations/zones/choose-signing-keys.ts';
import { getSignedZone, signingOf } from '#dnssec/operations/zones/get-signed-zone.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import { proveKey } from '#dnssec/operations/zones/prove-key.ts';
import { tendNoted } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';

/**
 * Publish the DNSKEY and the DS of a key that signs nothing, so that it can take over at any time without an outage. It is
 * a KMS key of its own, made with the rights of the caller where none is named.
 *
 * Source: RFC 7583 §4.
 *
 * @throws DnssecError not-found, request-invalid, key-invalid, key-tag-collision, kms-refused, kms-unavailable
 */
export async function addStandbyKey(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  kmsKeyIdentity: string | undefined,
): Promise<void> {
  const { zone, signing } = await getSignedZone(ports, caller, id);
  assertOnlySigner(signing);
  const beside = signing.keys.find(
    (key) => key.goal === 'omnipresent' && key.records.ds !== undefined && key.standby !== true,
  );
  if (beside === undefined) throw new DnssecError('request-invalid', `zone ${zone.name} has no key to stand by for`);
  const { region, role } = beside;
  const { keyType } = signing.policy;
  const keyId =
    kmsKeyIdentity ??
    (await ports.keyMaker(caller, region).findOrCreateKey({
      name: `DNSSEC ${zone.name} standby ${keyType}`,
      keyType,
      labels: { 'zoneseal/zone': `${zone.name}.`, 'zoneseal/role': `standby-${role}` },
    }));
  const chosen = await chosenKey(ports, caller, zone, region, keyId, role);
  const key = await proveKey(ports, zone, signing.keys, chosen);
  if (key.algorithm !== beside.algorithm)
    throw new DnssecError('request-invalid', `key ${keyId} is not of the algorithm of ${describeKey(beside)}`);
  await noteZone(ports, zone.id, async (current) => {
    const now = signingOf(current);
    assertOnlySigner(now);
    if (now.keys.some((one) => one.keyId === key.keyId)) return undefined;
    const keys = withGoals(standBy([...now.keys, key], key.id));
    const text = `${describeKey(key)} stands by for ${describeKey(beside)}`;
    const event = { kind: 'standby-added', at: ports.clock.now(), text, details: keyDetails(key) } as const;
    const kmsKeys = keys.map((one) => ({ region: one.region, keyId: one.keyId }));
    return { zone: { ...current, signing: { ...now, keys } }, news: { events: [event], kmsKeys } };
  });
  await tendNoted(ports, zone.id);
}

/** Let a key go that others make up for. @throws DnssecError not-found, request-invalid when they do not */
export async function retireZoneKey(ports: ZonePorts, caller: Caller, id: string, key: string): Promise<void> {
  const { zone } = await getSignedZone(ports, caller, id);
  await noteZone(ports, zone.id, async (current) => {
    const signing = signingOf(current);
    assertOnlySigner(signing);
    return { zone: { ...current, signing: { ...signing, keys: withGoals(retireKey(signing.keys, key)) } } };
  });
  await tendNoted(ports, zone.id);
}
