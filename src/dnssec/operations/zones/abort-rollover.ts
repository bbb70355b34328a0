import { DnssecError } from '#dnssec/core/errors.ts';
import { describeKey } from '#dnssec/core/managed/describe-moves.ts';
import type { SigningKey } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { withGoals } from '#dnssec/core/managed/zone-rollover.ts';
import { abortRollover } from '#dnssec/core/rollover/goals.ts';
import { getSignedZone, signingOf } from '#dnssec/operations/zones/get-signed-zone.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import { tendNoted } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';

/**
 * Turn all rollovers of a zone round that are under way, wherever they stand: the old keys stay. The versions that were to
 * follow are passed over from then on.
 *
 * @throws DnssecError not-found, request-invalid when none is under way
 */
export async function abortRollovers(ports: ZonePorts, caller: Caller, id: string): Promise<void> {
  const { zone } = await getSignedZone(ports, caller, id);
  await noteZone(ports, zone.id, async (current) => {
    const signing = signingOf(current);
    const pairs = signing.isLeaving === true ? [] : pairsUnderWay(signing.keys);
    if (pairs.length === 0) throw new DnssecError('request-invalid', `no rollover of zone ${zone.name} is under way`);
    const ids = (which: 'old' | 'successor') => [...new Set(pairs.map((pair) => pair[which].id))];
    const keys = withGoals(abortRollover(signing.keys, ids('old'), ids('successor')));
    const at = ports.clock.now();
    const events = pairs.map(({ old, successor }): ZoneEvent => ({
      kind: 'rollover-aborted',
      at,
      text: `the rollover to ${describeKey(successor)} is turned round: ${describeKey(old)} stays`,
      details: { key: successor.id, predecessor: old.id },
    }));
    const refused = pairs.map(({ successor: { keyId, version } }) => {
      return { keyId, version, reason: 'its rollover was aborted' };
    });
    const next = { ...signing, keys, refused: [...(signing.refused ?? []), ...refused] };
    return { zone: { ...current, signing: next }, news: { events } };
  });
  await tendNoted(ports, zone.id);
}

/** Keys that leave because another one follows, with that one. */
function pairsUnderWay(
  keys: readonly SigningKey[],
): readonly { readonly old: SigningKey; readonly successor: SigningKey }[] {
  return keys.flatMap((successor) => {
    const old = keys.find(({ id }) => id === successor.predecessor);
    const isUnderWay = successor.goal === 'omnipresent' && old?.goal === 'hidden';
    return isUnderWay ? [{ old, successor }] : [];
  });
}
