import { DnssecError } from '#dnssec/core/errors.ts';
import { gateAgainst } from '#dnssec/core/rollover/gates.ts';
import {
  goalOf,
  type Move,
  moveRecord,
  type RecordName,
  recordNames,
  type RolloverKey,
  type State,
  stateOf,
} from '#dnssec/core/rollover/key-state.ts';
import { describeBrokenRule, rulesAgainst } from '#dnssec/core/rollover/safety.ts';
import { earliestOf, type Settled, stampOf, type TimingFacts } from '#dnssec/core/rollover/timing.ts';

/** A move that was made; `at` in seconds since the epoch. */
export interface Transition extends Move {
  readonly from: State;
  readonly at: number;
}

/** What a move waits for: `until` in seconds since the epoch, for time alone. */
export interface WaitReason {
  readonly kind: 'time' | 'safety' | 'policy' | 'parent' | 'publication' | 'human';
  readonly until?: number;
  /** For people. */
  readonly text: string;
}

export interface AdvanceInput extends TimingFacts {
  /** Seconds since the epoch. */
  readonly now: number;
  /** Tells whether a person allows a publication or withdrawal; absent: nobody needs to. */
  readonly humanGate?: (move: Move) => boolean;
  /** Tells whether a key has passed its self-test. */
  readonly mayUse: (key: RolloverKey) => boolean;
}

export interface AdvanceResult {
  /** In the order given. */
  readonly keys: readonly RolloverKey[];
  /** In the order made; all are published as one version. */
  readonly transitions: readonly Transition[];
  /** When time alone allows the next move, in seconds since the epoch; none: only something else can. */
  readonly wakeAt?: number;
  readonly waiting: readonly (Move & { readonly reason: WaitReason })[];
}

/**
 * Make every move that the goals want and that is safe now, until nothing changes. What comes back is persisted as a whole
 * before any of it is published; calling again with it at the same time makes no further move. The order in which keys
 * are given doesn't matter.
 *
 * @throws DnssecError key-invalid when two keys have one id
 */
export function advance(input: AdvanceInput): AdvanceResult {
  const round = new Round(input);
  // Facts come first, so that moves are judged by the present, and publications before withdrawals, which need them.
  while (round.settle() || round.make('rumoured') || round.make('unretentive'));
  return round.result();
}

class Round {
  readonly #input: AdvanceInput;
  readonly #at: number;
  readonly #ids: readonly string[];
  readonly #keys: Map<string, RolloverKey>;
  readonly #transitions: Transition[] = [];

  constructor(input: AdvanceInput) {
    this.#input = input;
    this.#at = stampOf(input.now, input.keys);
    this.#ids = input.keys.map(({ id }) => id);
    this.#keys = new Map(input.keys.toSorted((one, other) => (one.id < other.id ? -1 : 1)).map((key) => [key.id, key]));
    if (this.#keys.size < this.#ids.length) {
      throw new DnssecError('key-invalid', 'two keys of a rollover have the same id');
    }
  }

  /** Move records into the states that time and the parent have put them in. */
  settle(): boolean {
    return this.#moveAll((key, record) => {
      const shown = shownByParent(key, record, this.#input);
      if (shown !== undefined) return shown;
      const to = settledState(key, record);
      return to === undefined ? undefined : this.#ifAllowed(key, record, to);
    });
  }

  /** Publish or withdraw what is wanted and safe. */
  make(to: 'rumoured' | 'unretentive'): boolean {
    return this.#moveAll((key, record) =>
      nextState(key, record) === to ? this.#ifAllowed(key, record, to) : undefined,
    );
  }

  #moveAll(choose: (key: RolloverKey, record: RecordName) => State | undefined): boolean {
    const before = this.#transitions.length;
    for (const id of this.#keys.keys()) {
      for (const record of recordNames) {
        const key = this.#keys.get(id) as RolloverKey;
        const to = key.records[record] === undefined ? undefined : choose(key, record);
        if (to === undefined) continue;
        this.#transitions.push({ key: id, record, from: stateOf(key, record), to, at: this.#at });
        this.#keys.set(id, moveRecord(key, record, to, this.#at));
      }
    }
    return this.#transitions.length > before;
  }

  #ifAllowed(key: RolloverKey, record: RecordName, to: State): State | undefined {
    return this.#objection(key, record, to) === undefined ? to : undefined;
  }

  #objection(key: RolloverKey, record: RecordName, to: State): WaitReason | undefined {
    const { now, policy, humanGate, mayUse } = this.#input;
    const keys = [...this.#keys.values()];
    if (to === 'omnipresent' || to === 'hidden') {
      const earliest = earliestOf(key, record, to, { ...this.#input, keys });
      if (earliest.kind !== 'time') return earliest;
      if (now < earliest.at) return { kind: 'time', until: earliest.at, text: earliest.text };
    } else if (stateOf(key, record) === 'hidden') {
      const text = gateAgainst(key, record, keys, policy, mayUse);
      if (text !== undefined) return { kind: 'policy', text };
    }
    const after = keys.map((one) => (one.id === key.id ? moveRecord(key, record, to, this.#at) : one));
    const [broken] = rulesAgainst(keys, after, { record, to }, policy);
    if (broken !== undefined) return { kind: 'safety', text: describeBrokenRule(broken) };
    const isOurs = to === 'rumoured' || to === 'unretentive';
    const isHeld = isOurs && humanGate !== undefined && !humanGate({ key: key.id, record, to });
    return isHeld ? { kind: 'human', text: 'a person has to allow it' } : undefined;
  }

  /** The times of all facts to come, of withdrawals under way as of publications. */
  #nextFacts(): number[] {
    return [...this.#keys.values()].flatMap((key) =>
      recordNames.flatMap((record) => {
        const to = settledState(key, record);
        return to === undefined ? [] : (this.#objection(key, record, to)?.until ?? []);
      }),
    );
  }

  result(): AdvanceResult {
    const waiting = [...this.#keys.values()].flatMap((key) =>
      recordNames.flatMap((record) => {
        const to = key.records[record] === undefined ? undefined : nextState(key, record);
        const reason = to === undefined ? undefined : this.#objection(key, record, to);
        return to === undefined || reason === undefined ? [] : [{ key: key.id, record, to, reason }];
      }),
    );
    const wakeAt = Math.min(...this.#nextFacts());
    return {
      keys: this.#ids.map((id) => this.#keys.get(id) as RolloverKey),
      transitions: this.#transitions,
      ...(wakeAt === Infinity ? {} : { wakeAt }),
      waiting,
    };
  }
}

/**
 * Return the state that time moves a record into, whatever its goal: a record that is to be withdrawn, and cannot be yet, becomes
 * known to all as any other, and may be what lets the rest go.
 */
function settledState(key: RolloverKey, record: RecordName): Settled | undefined {
  const state = stateOf(key, record);
  if (state === 'rumoured') return 'omnipresent';
  return state === 'unretentive' ? 'hidden' : undefined;
}

/** Return the state on the way to the goal, if the record is not there. */
function nextState(key: RolloverKey, record: RecordName): State | undefined {
  const state = stateOf(key, record);
  if (goalOf(key, record) === 'omnipresent') {
    if (state === 'omnipresent') return undefined;
    return state === 'rumoured' ? 'omnipresent' : 'rumoured';
  }
  if (state === 'hidden') return undefined;
  return state === 'unretentive' ? 'hidden' : 'unretentive';
}

/** The parent decides what it has: a DS that it lost is not everywhere, and one that nobody asked for is not hidden. */
function shownByParent(key: RolloverKey, record: RecordName, { parent }: TimingFacts): State | undefined {
  if (record !== 'ds') return undefined;
  const kind = parent.get(key.id)?.kind;
  const state = stateOf(key, record);
  if (state === 'omnipresent' && (kind === 'nowhere' || kind === 'somewhere')) return 'rumoured';
  if (state === 'hidden' && (kind === 'everywhere' || kind === 'somewhere')) return 'unretentive';
  return undefined;
}
