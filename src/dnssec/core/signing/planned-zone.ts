import { breathe } from '#lib/breathe.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import { planZone, prepareZone, type ZoneSigningPolicy } from '#dnssec/core/signing/plan-zone.ts';
import { type PlannedText, TextPlanner } from '#dnssec/core/signing/planned-text.ts';
import { assertValidityPolicy } from '#dnssec/core/signing/validity.ts';
import type { ZoneForm } from '#dnssec/core/zone/line-printer.ts';
import type { ZoneFault } from '#dnssec/core/zone/faults.ts';
import type { GatheredZone } from '#dnssec/core/zone/gather-zone.ts';

/** How a zone is to be signed and written. */
export interface ZoneOrder {
  readonly keys: readonly ZoneKey[];
  /** Without ZONEMD, which is made of the finished zone. */
  readonly policy: ZoneSigningPolicy;
  readonly form: ZoneForm;
  /** Seconds since the epoch. */
  readonly now: number;
}

/** What is known of a planned zone before its text. */
export interface PlannedZoneHead {
  readonly serial: number;
  /** RRsets that the signed zone has at most, denial included. */
  readonly mostRRsets: number;
  readonly warnings: readonly ZoneFault[];
}

export interface PlannedZone extends PlannedZoneHead {
  /** The text of the signed zone in its order, and the signatures that it needs. */
  readonly pieces: AsyncIterable<PlannedText>;
}

/**
 * Plan the text of a signed zone.
 *
 * @throws DnssecError request-invalid; zone-invalid with all faults
 */
export function planZoneText(gathered: GatheredZone, order: ZoneOrder): PlannedZone {
  assertValidityPolicy(order.policy.validity);
  const { zone, serial, mostRRsets, warnings } = prepareZone(gathered, order.keys, order.policy, order.now);
  const context = { apex: zone.apex, keys: order.keys, validity: order.policy.validity, now: order.now };
  return { serial, mostRRsets, warnings, pieces: piecesOf(planZone(zone, order.policy, context), order) };
}

/** RRsets that are planned before others have their turn. */
const rrsetsPerTurn = 1000;

async function* piecesOf(planned: ReturnType<typeof planZone>, { form, keys }: ZoneOrder): AsyncGenerator<PlannedText> {
  const planner = new TextPlanner(form, keys);
  let count = 0;
  for (const entry of planned) {
    planner.add(entry);
    if (planner.isFull) yield planner.take();
    else if (++count % rrsetsPerTurn === 0) await breathe();
  }
  if (!planner.isEmpty) yield planner.take();
}
