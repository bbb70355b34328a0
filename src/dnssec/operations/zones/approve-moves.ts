import { secondsOf } from '#lib/clock.ts';
import type { IdempotencyClaim } from '#lib/idempotency.ts';
import { describeMove, keyDetails } from '#dnssec/core/managed/describe-moves.ts';
import type { SigningKey } from '#dnssec/core/managed/signing-state.ts';
import { advanceZone, nameOfMove } from '#dnssec/core/managed/zone-rollover.ts';
import { getSignedZone, signingOf } from '#dnssec/operations/zones/get-signed-zone.ts';
import { noteZone } from '#dnssec/operations/zones/note-zone.ts';
import { answered } from '#dnssec/operations/zones/once.ts';
import { tendNoted } from '#dnssec/operations/zones/tend-zone.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';

/** Allow the steps that wait for a person now; later ones wait again. @throws DnssecError not-found, request-invalid */
export async function approveMoves(
  ports: ZonePorts,
  caller: Caller,
  id: string,
  claim?: IdempotencyClaim,
): Promise<void> {
  const { zone } = await getSignedZone(ports, caller, id);
  await noteZone(ports, zone.id, async (current) => {
    const signing = signingOf(current);
    const { waiting } = advanceZone(signing, secondsOf(ports.clock));
    const moves = waiting.filter(({ reason }) => reason.kind === 'human');
    if (moves.length === 0) return undefined;
    const claimed = claim === undefined ? {} : { claim: answered(ports, claim, undefined) };
    const approved = [...new Set([...(signing.approved ?? []), ...moves.map(nameOfMove)])];
    const events = moves.map((move) => {
      const key = signing.keys.find((one) => one.id === move.key) as SigningKey;
      const text = `allowed: ${describeMove(key, move)}`;
      return { kind: 'step-allowed' as const, at: ports.clock.now(), text, details: keyDetails(key) };
    });
    return { zone: { ...current, signing: { ...signing, approved } }, news: { events, ...claimed } };
  });
  await tendNoted(ports, zone.id);
}
