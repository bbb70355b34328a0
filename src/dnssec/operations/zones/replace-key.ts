import { secondsOf } from '#lib/clock.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { describeKey, keyDetails } from '#dnssec/core/managed/describe-moves.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { replaceInZone } from '#dnssec/core/managed/zone-rollover.ts';
import type { Outage } from '#dnssec/core/rollover/emergency.ts';
import { getKey } from '#dnssec/core/rollover/goals.ts';
import { getSignedZone, signingOf } from '#dnssec/operations/zones/get-signed-zone.ts';
import { onceFor } from '#dnssec/operations/zones/once.ts';
import { proveKey } from '#dnssec/operations/zones/prove-key.ts';
import { wishOfStep } from '#dnssec/operations/zones/publish-steps.ts';
import { type ChangeCause, publishVersion } from '#dnssec/operations/zones/publish-version.ts';
import { tendNoted } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ManagedZone, StoredZoneView } from '#dnssec/ports-zones.ts';

/**
 * Replace a key at once that was lost or can no longer be trusted: by a standby key, without an outage, where there is one;
 * else by a new version of the same KMS key, made with the rights of the caller.
 *
 * @returns how long some resolvers take the zone for bogus; nothing where none does
 * @throws DnssecError not-found, request-invalid, key-invalid, kms-refused, kms-unavailable
 */
export async function replaceKeyAtOnce(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  lostId: string,
  cause: ChangeCause,
): Promise<Outage | undefined> {
  const { zone, signing } = await getSignedZone(ports, caller, id);
  const lost = signing.keys.find((key) => key.id === getKey(signing.keys, lostId).id) as SigningKey;
  if (lost.goal === 'hidden')
    throw new DnssecError('request-invalid', `key ${lostId} is on its way out of zone ${zone.name} already`);
  const standby = signing.keys.find(
    (key) => key.standby === true && key.role === lost.role && key.algorithm === lost.algorithm,
  );
  const replacement = standby ?? (await nextVersion(ports, caller, lost, signing, zone, onceFor(cause.claim, lost.id)));
  let outage: Outage | undefined;
  const compose = async (current: ManagedZone, view: StoredZoneView) => {
    const before = signingOf(current);
    const isThere = before.keys.some((key) => key.id === replacement.id);
    const keys = isThere ? before.keys : [...before.keys, replacement];
    const replaced = replaceInZone({ ...before, keys }, lostId, replacement.id, secondsOf(ports.clock));
    outage = replaced.outage;
    const wish = await wishOfStep(ports, { ...current, signing: { ...before, keys } }, view, replaced.step);
    const text = `${describeKey(lost)} is replaced at once by ${describeKey(replacement)}`;
    const details = { ...keyDetails(replacement), predecessor: lost.id, ...(outage === undefined ? {} : { outage }) };
    const event: ZoneEvent = { kind: 'rollover-started', at: ports.clock.now(), text, details };
    return { ...wish, reason: cause.reason, news: { ...wish.news, events: [event, ...(wish.news?.events ?? [])] } };
  };
  await publishVersion(ports, zone.id, cause, compose, { answer: async () => outage });
  await tendNoted(ports, zone.id);
  return outage;
}

async function nextVersion(
  ports: ZonePorts,
  caller: Caller,
  lost: SigningKey,
  { keys, foreignKeys = [] }: ZoneSigning,
  zone: Parameters<typeof proveKey>[1],
  once: string | undefined,
): Promise<SigningKey> {
  const version = await ports.keyMaker(caller, lost.region).rotateKey(lost.keyId, once);
  return proveKey(ports, zone, [...keys, ...foreignKeys.map((dnskey) => ({ dnskey }))], { ...lost, version });
}
