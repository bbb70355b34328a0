import { secondsOf } from '#lib/clock.ts';
import { findAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import type { SigningKey } from '#dnssec/core/managed/signing-state.ts';
import { rolloverInput } from '#dnssec/core/managed/zone-rollover.ts';
import type { Transition } from '#dnssec/core/rollover/advance.ts';
import { forecast } from '#dnssec/core/rollover/forecast.ts';
import { type RecordName, recordNames, type State } from '#dnssec/core/rollover/key-state.ts';
import type { TimelineFacts } from '#dnssec/core/timeline/timeline.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { NumberedZoneEvent } from '#dnssec/ports-zones.ts';

/** Events that are looked through for transitions. */
const mostEvents = 1000;

/** Tell the past transitions of a zone's keys, as far as they are remembered, and those to come. @throws DnssecError not-found */
export async function getTimeline(ports: ZonePorts, caller: Caller, id: string): Promise<TimelineFacts> {
  const zone = await getOwnZone(ports, caller, id);
  const now = secondsOf(ports.clock);
  const { signing } = zone;
  const events = await ports.store.listEvents(zone.id, mostEvents);
  return {
    zone: `${zone.name}.`,
    now,
    keys: (signing?.keys ?? []).map((key) => ({
      id: key.id,
      title: `Key ${key.keyTag}`,
      detail: detailOf(key),
      records: key.records,
    })),
    past: events.toReversed().flatMap(transitionIn),
    planned: signing === undefined ? [] : forecast(rolloverInput(signing, now)),
  };
}

function detailOf({ role, algorithm, keyId, version, goal, standby }: SigningKey): string {
  const name = findAlgorithm(algorithm)?.mnemonic ?? `algorithm ${algorithm}`;
  const way = goal === 'hidden' ? ', on its way out' : standby === true ? ', standing by' : '';
  return `${role.toUpperCase()}, ${name}, version ${version} of ${keyId}${way}`;
}

const states: readonly string[] = ['hidden', 'rumoured', 'omnipresent', 'unretentive'] satisfies State[];

function transitionIn({ kind, details = {} }: NumberedZoneEvent): Transition[] {
  const { key, record, from, to, since } = details;
  const isTransition =
    kind === 'transition' &&
    typeof key === 'string' &&
    recordNames.includes(record as RecordName) &&
    states.includes(from as string) &&
    states.includes(to as string) &&
    typeof since === 'number';
  return isTransition ? [{ key, record: record as RecordName, from: from as State, to: to as State, at: since }] : [];
}
