import type { Transition } from '#dnssec/core/rollover/advance.ts';
import type { PlannedTransition } from '#dnssec/core/rollover/forecast.ts';
import { type KeyRecords, type RecordName, recordNames, type State } from '#dnssec/core/rollover/key-state.ts';

/** A key as people know it. */
export interface TimelineKey {
  /** As transitions name it. */
  readonly id: string;
  /** Such as its key tag. */
  readonly title: string;
  /** Role, algorithm and the like. */
  readonly detail: string;
  /** How its records stand now. */
  readonly records: KeyRecords;
}

/** What is known of the past of a zone's keys, and foretold of their future. Times are seconds since the epoch. */
export interface TimelineFacts {
  /** In presentation form. */
  readonly zone: string;
  readonly now: number;
  readonly keys: readonly TimelineKey[];
  readonly past: readonly Transition[];
  readonly planned: readonly PlannedTransition[];
}

/** A stretch of time in which a record stays in a state. */
export interface TimelineSpan {
  readonly state: State;
  /** Absent: since before anything that is known. */
  readonly from?: number;
  /** Absent: as far as can be foretold. */
  readonly to?: number;
  /** Whether its end rests on the parent, or the signing, being as quick as can be. */
  readonly endsAtTheEarliest: boolean;
}

export interface TimelineRow {
  readonly record: RecordName;
  readonly spans: readonly TimelineSpan[];
}

/** Where the parent is to add or to remove a DS. */
export interface DsMark {
  readonly at: number;
  readonly what: 'add' | 'remove';
}

export interface Timeline {
  readonly zone: string;
  readonly now: number;
  /** All times at which something changes, and now; ascending. */
  readonly moments: readonly number[];
  readonly keys: readonly {
    readonly key: TimelineKey;
    readonly rows: readonly TimelineRow[];
    readonly marks: readonly DsMark[];
  }[];
}

type Change = Transition & { readonly isAtTheEarliest: boolean };

/** Times of the past that are shown: a zone that has been rolled for years has more than anyone can read. */
const mostPast = 12;

/** Put past and future of each key's records in order; of the past the last dozen of times at which something changed. */
export function composeTimeline({ zone, now, keys, past, planned }: TimelineFacts): Timeline {
  const isShown = ({ key }: Transition): boolean => keys.some(({ id }) => id === key);
  const since = startOfPast(past.filter(isShown).map(({ at }) => at));
  const recent = past.filter(({ at }) => at >= since).map((one) => ({ ...one, isAtTheEarliest: false }));
  const changes: Change[] = [...recent, ...planned];
  const times = changes.filter(isShown).map(({ at }) => at);
  return {
    zone,
    now,
    moments: [...new Set([...times, now])].toSorted((left, right) => left - right),
    keys: keys.map((key) => {
      const own = changes.filter((change) => change.key === key.id).toSorted((one, other) => one.at - other.at);
      return { key, rows: rowsOf(key, own), marks: marksOf(own) };
    }),
  };
}

function startOfPast(times: readonly number[]): number {
  return [...new Set(times)].toSorted((left, right) => right - left)[mostPast - 1] ?? -Infinity;
}

function rowsOf(key: TimelineKey, changes: readonly Change[]): TimelineRow[] {
  return recordNames
    .filter((record) => key.records[record] !== undefined)
    .map((record) => ({
      record,
      spans: spansOf(
        changes.filter((change) => change.record === record),
        key.records[record]?.state ?? 'hidden',
      ),
    }));
}

function spansOf(changes: readonly Change[], state: State): TimelineSpan[] {
  const [first] = changes;
  if (first === undefined) return [{ state, endsAtTheEarliest: false }];
  const before = { state: first.from, to: first.at, endsAtTheEarliest: first.isAtTheEarliest };
  const after = changes.map((change, index): TimelineSpan => {
    const next = changes[index + 1];
    const end = next === undefined ? {} : { to: next.at };
    return { state: change.to, from: change.at, ...end, endsAtTheEarliest: next?.isAtTheEarliest ?? false };
  });
  return [before, ...after].filter((span) => !('from' in span) || span.from !== span.to);
}

function marksOf(changes: readonly Change[]): DsMark[] {
  return changes
    .filter(({ record, to }) => record === 'ds' && (to === 'rumoured' || to === 'unretentive'))
    .map(({ at, to }) => ({ at, what: to === 'rumoured' ? 'add' : 'remove' }));
}
