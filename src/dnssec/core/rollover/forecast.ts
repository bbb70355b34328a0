import { advance, type AdvanceInput, type Transition } from '#dnssec/core/rollover/advance.ts';
import { type RecordName, type RolloverKey, stateOf } from '#dnssec/core/rollover/key-state.ts';
import type { Sighting } from '#dnssec/core/rollover/sightings.ts';

/** A transition to come. */
export interface PlannedTransition extends Transition {
  /** True once the time rests on the parent, or the signing, being as quick as can be. */
  readonly isAtTheEarliest: boolean;
}

/** More than any rollover takes; a plan that is longer goes round in a circle, and its start is all that is worth showing. */
const mostSteps = 1000;
const zoneRecords = ['dnskey', 'zrrsig', 'krrsig'] as const;

/**
 * Foretell the transitions from now on if no goal changes: those that come with time, and after them those that need the
 * parent or a publication, as if both happened at once. Nobody is asked: a human gate is taken for open.
 */
export function forecast(input: AdvanceInput): readonly PlannedTransition[] {
  const { humanGate: _, ...open } = input;
  const planned: PlannedTransition[] = [];
  let step: AdvanceInput = open;
  let isAtTheEarliest = false;
  for (let count = 0; count < mostSteps; count++) {
    const result = advance(step);
    planned.push(...result.transitions.map((transition) => ({ ...transition, isAtTheEarliest })));
    const { keys, wakeAt, waiting } = result;
    const isSightingDue = waiting.some(({ reason }) => reason.kind === 'parent' || reason.kind === 'publication');
    if (isSightingDue) {
      isAtTheEarliest = true;
      step = { ...step, keys, ...sightingsIfDone(step, keys) };
    } else if (wakeAt === undefined) {
      break;
    } else {
      step = { ...step, keys, now: wakeAt };
    }
  }
  return planned;
}

/** What would be seen if all that is asked for were done now. */
function sightingsIfDone(
  { now, parent, zone }: AdvanceInput,
  keys: readonly RolloverKey[],
): Pick<AdvanceInput, 'parent' | 'zone'> {
  const seen = (key: RolloverKey, record: RecordName, sighting: Sighting | undefined): Sighting | undefined => {
    const state = stateOf(key, record);
    if (state !== 'rumoured' && state !== 'unretentive') return sighting;
    const kind = state === 'rumoured' ? 'everywhere' : 'nowhere';
    return sighting?.kind === kind ? sighting : { kind, since: now };
  };
  const atParent = new Map(parent);
  for (const key of keys) {
    const sighting = seen(key, 'ds', parent.get(key.id));
    if (sighting !== undefined) atParent.set(key.id, sighting);
  }
  if (zone === undefined) return { parent: atParent };
  const inZone = keys.map((key) => {
    const entries = zoneRecords.map((record) => [record, seen(key, record, zone.get(key.id)?.[record])] as const);
    return [key.id, Object.fromEntries(entries.filter(([, sighting]) => sighting !== undefined))] as const;
  });
  return { parent: atParent, zone: new Map(inZone) };
}
