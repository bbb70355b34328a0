import { describeMove, keyDetails } from '#dnssec/core/managed/describe-moves.ts';
import type { RolloverWait, SigningPolicy, ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import { nameOfMove, waitBound, type ZoneStep } from '#dnssec/core/managed/zone-rollover.ts';

type Waits = Readonly<Record<string, RolloverWait>>;

/** What keeps a rollover from going on, other than time. */
export interface Obstacle {
  /** Names the same obstacle at every look. */
  readonly name: string;
  readonly kind: RolloverWait['kind'];
  /** For people. */
  readonly text: string;
  /** For programs. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Return what a zone's rollovers wait for at its parent, and from people. */
export function obstaclesOf(signing: Pick<ZoneSigning, 'keys'>, waiting: ZoneStep['waiting']): Obstacle[] {
  return waiting.flatMap((move): Obstacle[] => {
    const { kind, text } = move.reason;
    const key = signing.keys.find(({ id }) => id === move.key);
    if (key === undefined || (kind !== 'parent' && kind !== 'human')) return [];
    const { record, to } = move;
    const details = { ...keyDetails(key), record, to, waitsFor: kind };
    return [{ name: nameOfMove(move), kind, text: `${describeMove(key, move)}: not yet, for ${text}`, details }];
  });
}

/**
 * Note since when each obstacle stands in the way, and tell once of each that does so for longer than it plausibly should.
 * One that is gone and comes back counts anew.
 *
 * @param at milliseconds since the epoch
 */
export function noteObstacles(
  { waits: before = {}, policy }: { readonly waits?: Waits; readonly policy: SigningPolicy },
  obstacles: readonly Obstacle[],
  at: number,
): { readonly waits: Waits; readonly events: readonly ZoneEvent[] } {
  const now = Math.floor(at / 1000);
  const events: ZoneEvent[] = [];
  const waits = obstacles.map(({ name, kind, text, details }): [string, RolloverWait] => {
    const wait = before[name] ?? { kind, since: now };
    if (wait.isTold === true || now < wait.since + waitBound(kind, policy)) return [name, wait];
    const seconds = now - wait.since;
    events.push({
      kind: 'rollover-stuck',
      at,
      text: `a rollover has been stuck for ${seconds} s: ${text}`,
      details: { ...details, since: wait.since, seconds },
    });
    return [name, { ...wait, isTold: true }];
  });
  return { waits: Object.fromEntries(waits), events };
}
