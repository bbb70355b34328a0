import { findAlgorithm } from '#dnssec/core/keys/algorithms.ts';
import type { SigningKey } from '#dnssec/core/managed/signing-state.ts';
import type { ZoneEvent } from '#dnssec/core/managed/zone-events.ts';
import type { ZoneStep } from '#dnssec/core/managed/zone-rollover.ts';
import type { Transition } from '#dnssec/core/rollover/advance.ts';
import { isPublished, type RecordName, type State } from '#dnssec/core/rollover/key-state.ts';
import type { Sighting } from '#dnssec/core/rollover/sightings.ts';

/** Name a key for people: its tag, role and algorithm. */
export function describeKey({ keyTag, role, algorithm }: Pick<SigningKey, 'keyTag' | 'role' | 'algorithm'>): string {
  return `key ${keyTag} (${role.toUpperCase()}, ${findAlgorithm(algorithm)?.mnemonic ?? algorithm})`;
}

/** Name a key for programs. */
export function keyDetails({ id, keyTag, role, algorithm, keyId, version }: SigningKey): Record<string, unknown> {
  return { key: id, keyTag, role, algorithm, kmsKeyIdentity: keyId, version };
}

const recordTexts: Readonly<Record<RecordName, string>> = {
  dnskey: 'the DNSKEY',
  zrrsig: 'the signatures of the data',
  krrsig: 'the signature of the keys',
  ds: 'the DS',
};

const stateTexts: Readonly<Record<State, string>> = {
  rumoured: 'published',
  omnipresent: 'known to all resolvers',
  unretentive: 'withdrawn',
  hidden: 'forgotten by all resolvers',
};

const dsTexts: Readonly<Record<State, string>> = {
  ...stateTexts,
  rumoured: 'asked for at the parent',
  unretentive: 'no longer asked for at the parent',
};

/** Say for people what becomes of a record. */
export function describeMove(key: SigningKey, { record, to }: Pick<Transition, 'record' | 'to'>): string {
  const what = (record === 'ds' ? dsTexts : stateTexts)[to];
  return `${recordTexts[record]} of ${describeKey(key)}: ${what}`;
}

/**
 * Tell what a step of a zone's rollovers did.
 *
 * @param keys those before the step
 * @param at milliseconds since the epoch
 */
export function eventsOfStep(keys: readonly SigningKey[], step: ZoneStep, at: number): ZoneEvent[] {
  const find = (id: string): SigningKey => keys.find((key) => key.id === id) as SigningKey;
  const events = step.transitions.flatMap((transition): ZoneEvent[] => {
    const key = find(transition.key);
    const { record, from, to } = transition;
    const moved: ZoneEvent = {
      kind: 'transition',
      at,
      text: describeMove(key, transition),
      details: { ...keyDetails(key), record, from, to, since: transition.at },
    };
    if (record !== 'ds' || (to !== 'rumoured' && to !== 'unretentive')) return [moved];
    const kind = to === 'rumoured' ? 'ds-needed' : 'ds-unneeded';
    const text = `the DS of ${describeKey(key)} is to be ${to === 'rumoured' ? 'added to' : 'removed from'} the parent`;
    return [moved, { kind, at, text, details: keyDetails(key) }];
  });
  const done = step.released.map((key): ZoneEvent => {
    const text = `${describeKey(key)} has left the zone: no resolver needs it any more`;
    return { kind: 'rollover-done', at, text, details: keyDetails(key) };
  });
  return [...events, ...done];
}

/** Tell that what the parent shows of a key's DS has changed; nothing where it has not. */
export function eventOfSighting(
  key: SigningKey,
  before: Sighting['kind'] | undefined,
  after: Sighting['kind'],
  at: number,
): ZoneEvent | undefined {
  if (before === after || (before === undefined && after === 'nowhere')) return undefined;
  const texts = {
    everywhere: 'at all servers of the parent',
    somewhere: 'at some servers of the parent, and not at others',
    nowhere: 'gone from all servers of the parent',
  };
  const isExpected = isPublished(key, 'ds') === (after === 'everywhere') || after === 'somewhere';
  const kind = after === 'nowhere' ? 'ds-gone' : isExpected ? 'ds-seen' : 'parent-unexpected';
  return { kind, at, text: `the DS of ${describeKey(key)} is ${texts[after]}`, details: keyDetails(key) };
}
