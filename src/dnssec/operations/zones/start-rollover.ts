import { secondsOf } from '#lib/clock.ts';
import type { IdempotencyClaim } from '#lib/idempotency.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { assertOnlySigner } from '#dnssec/core/managed/foreign-keys.ts';
import type { Role } from '#dnssec/core/keys/zone-key.ts';
import { getSignedZone } from '#dnssec/operations/zones/get-signed-zone.ts';
import { onceFor } from '#dnssec/operations/zones/once.ts';
import { tendNoted } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';

/**
 * Begin a rollover now: the KMS makes a new version of each key in a role, with the rights of the caller, and it follows the
 * one in use. Other zones that use the same KMS key roll over too.
 *
 * A crash may come after the KMS has made versions: the same claim finds these again.
 *
 * @throws DnssecError not-found, request-invalid, kms-refused, kms-unavailable
 */
export async function startRolloverNow(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  { role, claim }: { readonly role?: Role | undefined; readonly claim?: IdempotencyClaim | undefined } = {},
): Promise<void> {
  const { zone, signing } = await getSignedZone(ports, caller, id);
  assertOnlySigner(signing);
  const rolled = signing.keys.filter(
    (key) => key.goal === 'omnipresent' && key.standby !== true && (role === undefined || key.role === role),
  );
  if (rolled.length === 0)
    throw new DnssecError(
      'request-invalid',
      `zone ${zone.name} has no key in use${role === undefined ? '' : ` as ${role}`}`,
    );
  for (const { region, keyId } of rolled) {
    const latestVersion = await ports.keyMaker(caller, region).rotateKey(keyId, onceFor(claim, keyId));
    await ports.store.noteKmsKey({ region, keyId, latestVersion, status: 'active' }, secondsOf(ports.clock));
  }
  await tendNoted(ports, zone.id);
}
