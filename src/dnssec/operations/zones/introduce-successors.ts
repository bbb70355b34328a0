import { DnssecError } from '#dnssec/core/errors.ts';
import { describeKey, keyDetails } from '#dnssec/core/managed/describe-moves.ts';
import type { SigningKey, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { withGoals } from '#dnssec/core/managed/zone-rollover.ts';
import { retireKey, standBy, startRollover } from '#dnssec/core/rollover/goals.ts';
import { isHidden, type RolloverKey } from '#dnssec/core/rollover/key-state.ts';
import { noteZone, type ZoneNote } from '#dnssec/operations/zones/note-zone.ts';
import { proveKey } from '#dnssec/operations/zones/prove-key.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { KmsKeyInUse, ManagedZone } from '#dnssec/ports-zones.ts';

/**
 * Take up what was heard of a zone's KMS keys: a new version becomes the successor of the one that is in use, with nothing
 * of it published yet; a key that is needed and cannot be used much longer is told of. A version that shares its key tag
 * with another is passed over for good, one that fails its self-test until it passes.
 *
 * @returns whether anything came of it
 * @throws DnssecError key-invalid, kms-refused, kms-unavailable, not-found
 */
export async function introduceSuccessors(ports: ZonePorts, zoneId: number): Promise<boolean> {
  const { signing } = await ports.store.getZone(zoneId);
  if (signing === undefined) return false;
  let isTaken = false;
  for (const heard of await ports.store.kmsKeysOf(zoneId)) {
    if (await noteZone(ports, zoneId, async (zone) => noteOfStatus(zone, heard, ports.clock.now()))) isTaken = true;
    if (await noteZone(ports, zoneId, (zone) => noteOfVersion(ports, zone, heard))) isTaken = true;
  }
  return isTaken;
}

/** Tell whether something was heard of a KMS key of a zone that nothing came of yet. */
export function isNews(signing: ZoneSigning, heard: KmsKeyInUse): boolean {
  return statusNews(signing, heard) !== undefined || predecessorOf(signing, heard) !== undefined;
}

/** What a key is that the zone needs and cannot use much longer, where that has changed; `active` once it is over. */
function statusNews(signing: ZoneSigning, { keyId, status }: KmsKeyInUse): string | undefined {
  const before = signing.endangered?.[keyId] ?? 'active';
  const isNeeded = signing.keys.some((key) => key.keyId === keyId && !isHidden(key));
  const now = isNeeded ? status : 'active';
  return now === before ? undefined : now;
}

/** The key that a new version is to follow, if there is one; none while another signer publishes our keys as they are. */
function predecessorOf(
  signing: ZoneSigning,
  { keyId, latestVersion = 0, status }: KmsKeyInUse,
): SigningKey | undefined {
  const current = signing.keys.findLast((key) => key.keyId === keyId && key.goal === 'omnipresent');
  const isHeld = signing.isLeaving === true || (signing.foreignKeys ?? []).length > 0;
  if (isHeld || status !== 'active') return undefined;
  const known = [...signing.keys, ...(signing.refused ?? [])].filter((one) => one.keyId === keyId);
  return known.some(({ version }) => version >= latestVersion) ? undefined : current;
}

function noteOfStatus(zone: ManagedZone, heard: KmsKeyInUse, at: number): ZoneNote | undefined {
  const { signing } = zone;
  const status = signing && statusNews(signing, heard);
  if (signing === undefined || status === undefined) return undefined;
  const { keyId } = heard;
  const { endangered = {}, ...rest } = signing;
  const { [keyId]: _, ...others } = endangered;
  if (status === 'active') return { zone: { ...zone, signing: { ...rest, endangered: others } } };
  const needed = signing.keys.filter((key) => key.keyId === keyId && !isHidden(key));
  const names = needed.map((key) => `version ${key.version}, ${describeKey(key)}`).join('; ');
  const text = `KMS key ${keyId} is ${status}, and the zone needs it: ${names}`;
  const event: ZoneEvent = { kind: 'kms-key-in-danger', at, text, details: { kmsKeyIdentity: keyId, status } };
  return {
    zone: { ...zone, signing: { ...rest, endangered: { ...others, [keyId]: status } } },
    news: { events: [event] },
  };
}

async function noteOfVersion(ports: ZonePorts, zone: ManagedZone, heard: KmsKeyInUse): Promise<ZoneNote | undefined> {
  const { signing } = zone;
  const { keyId, latestVersion = 0 } = heard;
  const current = signing && predecessorOf(signing, heard);
  if (signing === undefined || current === undefined) return undefined;
  const at = ports.clock.now();
  try {
    const successor = await proveKey(ports, zone, signing.keys, { ...current, version: latestVersion });
    const text = `KMS key ${keyId} has a version ${latestVersion}: ${describeKey(successor)} follows ${describeKey(current)}`;
    const details = { ...keyDetails(successor), predecessor: current.id };
    return {
      zone: { ...zone, signing: withSuccessor(signing, current, successor) },
      news: { events: [{ kind: 'rollover-started', at, text, details }] },
    };
  } catch (error) {
    if (!(error instanceof DnssecError) || error.code !== 'key-tag-collision') throw error;
    const refused = { keyId, version: latestVersion, reason: error.message };
    const text = `version ${latestVersion} of KMS key ${keyId} is passed over: ${error.message}`;
    return {
      zone: { ...zone, signing: { ...signing, refused: [...(signing.refused ?? []), refused] } },
      news: { events: [{ kind: 'key-refused', at, text, details: { ...refused } }] },
    };
  }
}

function withSuccessor(signing: ZoneSigning, current: SigningKey, successor: SigningKey): ZoneSigning {
  const all: readonly RolloverKey[] = [...signing.keys, successor];
  const keys =
    current.standby === true
      ? retireKey(standBy(all, successor.id), current.id)
      : startRollover(all, current.id, successor.id);
  return { ...signing, keys: withGoals(keys) };
}
