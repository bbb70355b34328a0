import type { Role } from '#dnssec/core/keys/zone-key.ts';
import { always, type Span } from '#dnssec/core/rollover/spans.ts';

/**
 * The records of a key, each of which enters and leaves the caches by itself: its DNSKEY, its RRSIGs over the zone's data
 * (zrrsig) and over the DNSKEY RRset (krrsig), and its DS at the parent.
 */
export const recordNames = ['dnskey', 'zrrsig', 'krrsig', 'ds'] as const;
export type RecordName = (typeof recordNames)[number];

/**
 * Where a record stands in the caches of all resolvers. It is published iff it is rumoured or omnipresent; of a DS,
 * "published" means that the parent is asked to have it.
 *
 * ```
 *                 publish                  every cache has it
 *      hidden ──────────────▶ rumoured ──────────────────────▶ omnipresent
 *        ▲                     │    ▲                               │
 *        │ no cache has it     │    │ publish again                 │
 *        │            withdraw ▼    │                               │
 *        └─────────────────── unretentive ◀──────── withdraw ───────┘
 *
 *  to publish and to withdraw are our moves: at once, if safe;   the others are facts: they come with time.
 *  only a DS, by what the parent shows:
 *      hidden ──── seen, unasked ────▶ unretentive      omnipresent ──── lost ────▶ rumoured
 * ```
 */
export type State = 'hidden' | 'rumoured' | 'omnipresent' | 'unretentive';

/** A record's state, and what its past has left in the caches. */
export interface RecordState {
  readonly state: State;
  /** When the state was entered, in seconds since the epoch. */
  readonly since: number;
  /**
   * Of a rumoured or unretentive record: when it was published before `since`, as far as caches may remember. Absent of an
   * unretentive one: all the time until `since`.
   */
  readonly earlier?: readonly Span[];
}

export type KeyRecords = Readonly<Partial<Record<RecordName, RecordState>>>;

/** Whether a key is on its way into the zone and to stay, or on its way out. */
export type Goal = 'omnipresent' | 'hidden';

/** A key version as the rollover sees it: names and states, no key material. */
export interface RolloverKey {
  /** Unique for ever, never the key tag: two keys can share a tag. */
  readonly id: string;
  /** DNSSEC algorithm number. */
  readonly algorithm: number;
  readonly role: Role;
  readonly goal: Goal;
  /** A standby key is published with its DS, and signs nothing until it is called upon. Source: RFC 7583 §4. */
  readonly standby?: boolean;
  /** A record that the role does not have is absent. */
  readonly records: KeyRecords;
  /** The id of the key whose place it takes. */
  readonly predecessor?: string;
}

/** A record of a key, by the key's id, and the state that it is to enter. */
export interface Move {
  readonly key: string;
  readonly record: RecordName;
  readonly to: State;
}

const recordsOfRole: Readonly<Record<Role, readonly RecordName[]>> = {
  csk: recordNames,
  ksk: ['dnskey', 'krrsig', 'ds'],
  zsk: ['dnskey', 'zrrsig'],
};

/** Make the records of a key that nobody has seen yet. */
export function hiddenRecords(role: Role, since: number): KeyRecords {
  return Object.fromEntries(recordsOfRole[role].map((name) => [name, { state: 'hidden', since }]));
}

/** Return a record's state; one that the key's role does not have is hidden. */
export function stateOf(key: RolloverKey, record: RecordName): State {
  return key.records[record]?.state ?? 'hidden';
}

export function isPublished(key: RolloverKey, record: RecordName): boolean {
  const state = stateOf(key, record);
  return state === 'rumoured' || state === 'omnipresent';
}

/** Tell whether all records of a key are hidden: no resolver can need the key any more. */
export function isHidden(key: RolloverKey): boolean {
  return recordNames.every((record) => stateOf(key, record) === 'hidden');
}

/** Return what is wanted of a record: that of its key, but a standby key's signatures are not wanted. */
export function goalOf(key: RolloverKey, record: RecordName): Goal {
  const isSignature = record === 'zrrsig' || record === 'krrsig';
  return key.standby === true && isSignature ? 'hidden' : key.goal;
}

/** Return when a record was published, as far as caches may remember. */
export function spansOf(key: RolloverKey, record: RecordName): readonly Span[] {
  const found = key.records[record];
  if (found === undefined || found.state === 'hidden') return [];
  if (found.state === 'omnipresent') return [always];
  if (found.state === 'unretentive') return found.earlier ?? [{ to: found.since }];
  return [...(found.earlier ?? []), { from: found.since }];
}

/** Return the key with a record moved into a state. @param at seconds since the epoch */
export function moveRecord(key: RolloverKey, record: RecordName, to: State, at: number): RolloverKey {
  return { ...key, records: { ...key.records, [record]: { state: to, since: at, ...pastOf(key, record, to, at) } } };
}

function pastOf(key: RolloverKey, record: RecordName, to: State, at: number): Pick<RecordState, 'earlier'> {
  const from = stateOf(key, record);
  if (to === 'rumoured' && from === 'unretentive') return { earlier: spansOf(key, record) };
  if (to === 'unretentive' && from === 'rumoured') {
    return { earlier: spansOf(key, record).map((span) => (span.to === undefined ? { ...span, to: at } : span)) };
  }
  return {};
}
