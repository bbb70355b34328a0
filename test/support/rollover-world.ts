import { advance, type AdvanceInput, type AdvanceResult, type Transition } from '#dnssec/core/rollover/advance.ts';
import { moveRecord, recordNames, type RolloverKey, stateOf } from '#dnssec/core/rollover/key-state.ts';
import {
  defaultRolloverPolicy,
  longestSigningRound,
  type RolloverPolicy,
} from '#dnssec/core/rollover/rollover-policy.ts';
import type { Sighting } from '#dnssec/core/rollover/sightings.ts';
import { noteTtl, type RolloverTtls, startTtls, type TtlKind } from '#dnssec/core/rollover/ttl-history.ts';
import { type Publication, whatToPublish } from '#dnssec/core/rollover/what-to-publish.ts';
import { ResolverCaches } from '#test/support/resolver-caches.ts';

/** When RRsets get the signatures of the keys that sign now: all with the change, each by and by, or when it is due. */
export type Signing = 'at-once' | 'by-and-by' | 'smooth';

export interface WorldOptions {
  readonly keys: readonly RolloverKey[];
  readonly policy: RolloverPolicy;
  readonly ttls: Readonly<Record<TtlKind, number>>;
  readonly signing: Signing;
  /** What truly happens, where the policy says something else. */
  readonly truth?: Partial<{ zonePropagation: number; parentPropagation: number }>;
}

const servers = ['a', 'b'] as const;
export type Server = (typeof servers)[number];
/** Seconds. */
export const startOfWorld = 1_000_000;
const rrsetNames = ['soa', 'www', 'mail'];

/** When something that servers show began to be so. */
class Sightings {
  readonly #seen = new Map<string, { kind: Sighting['kind']; since: number }>();

  note(name: string, kind: Sighting['kind'], at: number): void {
    if (this.#seen.get(name)?.kind !== kind) this.#seen.set(name, { kind, since: at });
  }

  get(name: string): Sighting {
    return this.#seen.get(name) ?? { kind: 'nowhere', since: 0 };
  }
}

/** A zone whose keys roll, its parent, and all resolvers. */
export class RolloverWorld {
  keys: readonly RolloverKey[];
  policy: RolloverPolicy;
  ttls: RolloverTtls;
  /** The true time, and how far our clock is ahead of it, both in seconds. */
  now = startOfWorld;
  clockAhead = 0;
  /** Whether a version that is due gets published. */
  isPublishing = true;
  isParentPrompt = true;
  /** What the engine was last asked and last said. */
  input: AdvanceInput | undefined;
  result: AdvanceResult | undefined;
  readonly transitions: Transition[] = [];
  readonly current: Record<TtlKind, number>;
  readonly caches: ResolverCaches;
  readonly dsSets: Record<Server, readonly string[]>;
  readonly signing: Signing;
  /** Called after each change of what servers show. */
  onChange: () => void = () => {};
  readonly #signed = new Map<string, { signers: readonly string[]; at: number }>();
  readonly #sightings = new Sightings();

  constructor({ keys, policy, ttls, signing, truth }: WorldOptions) {
    this.keys = keys;
    this.policy = policy;
    this.ttls = startTtls(ttls);
    this.current = { ...ttls };
    this.signing = signing;
    const delays = {
      zone: truth?.zonePropagation ?? policy.zonePropagation,
      parent: truth?.parentPropagation ?? policy.parentPropagation,
    };
    const algorithmOf = (id: string) => this.keys.find((key) => key.id === id)!.algorithm;
    this.caches = new ResolverCaches(
      delays,
      algorithmOf,
      policy.algorithmRollover === 'liberal' ? 'lenient' : 'strict',
    );
    const { ds } = whatToPublish(keys);
    this.dsSets = { a: ds.wanted, b: ds.wanted };
    this.#publish();
    this.#show();
  }

  get clock(): number {
    return this.now + this.clockAhead;
  }

  get publication(): Publication {
    return whatToPublish(this.keys);
  }

  /** Let the engine move, publish what it says, let a prompt parent do as asked, until all is quiet. */
  step(): AdvanceResult {
    for (let count = 0; ; count++) {
      if (count > 100) throw new Error(`it never comes to rest: ${JSON.stringify(this.keys)}`);
      const result = this.#advance();
      this.#publish();
      const isParentDone = !this.isParentPrompt || this.#askParent();
      this.#show();
      this.onChange();
      // Only the second look sees what this one published.
      if (count > 0 && result.transitions.length === 0 && isParentDone) return result;
    }
  }

  /** Have the parent do as asked; tells whether it had done so before. */
  #askParent(): boolean {
    const { wanted } = this.publication.ds;
    const late = servers.filter((server) => this.dsSets[server].join() !== wanted.join());
    for (const server of late) this.setDs(server, wanted);
    return late.length === 0;
  }

  #advance(): AdvanceResult {
    const ids = this.keys.map(({ id }) => id);
    const zone = new Map(
      ids.map((id) => [
        id,
        Object.fromEntries(
          (['dnskey', 'krrsig', 'zrrsig'] as const).map((one) => [one, this.#sightings.get(`${one} ${id}`)]),
        ),
      ]),
    );
    this.input = {
      keys: this.keys,
      now: this.clock,
      policy: this.policy,
      ttls: this.ttls,
      parent: new Map(ids.map((id) => [id, this.#sightings.get(`ds ${id}`)])),
      ...(this.signing === 'smooth' ? {} : { zone }),
      mayUse: () => true,
    };
    this.result = advance(this.input);
    this.keys = this.result.keys;
    this.transitions.push(...this.result.transitions);
    return this.result;
  }

  /** Let time pass up to the next wake-up, if there is one. */
  wake(justBefore?: () => void): boolean {
    const at = this.result?.wakeAt;
    if (at === undefined) return false;
    this.passUntil(at - this.clockAhead);
    justBefore?.();
    this.step();
    return true;
  }

  passUntil(time: number): void {
    while (this.signing === 'smooth') {
      const due = Math.min(...[...this.#signed.values()].map(({ at }) => at + longestSigningRound(this.policy)));
      if (due > time) break;
      this.now = Math.max(this.now, due);
      for (const [name, { at }] of this.#signed) {
        if (at + longestSigningRound(this.policy) <= this.now) this.signRRset(name);
      }
      this.onChange();
    }
    this.now = Math.max(this.now, time);
    this.#show();
  }

  setDs(server: Server, keys: readonly string[]): void {
    this.dsSets[server] = keys;
    this.#show();
    this.onChange();
  }

  setTtl(kind: TtlKind, ttl: number): void {
    this.current[kind] = ttl;
    this.#publish();
    this.#show();
  }

  /** Sign one RRset with the keys that sign now. */
  signRRset(name: string): void {
    const signers = this.publication.dataSigners;
    this.#signed.set(name, { signers, at: this.now });
    this.caches.publishRRset(this.now, name, signers, Math.max(this.current.zone, this.current.negative));
    this.#show();
  }

  signOne(index: number): void {
    if (!this.isPublishing) return;
    this.signRRset(rrsetNames[index % rrsetNames.length]!);
    this.onChange();
  }

  /** Sign the RRsets whose signatures are not those of the keys that sign now, where that is done by and by. */
  signAll(): boolean {
    const { dataSigners } = this.publication;
    const isOld = ([, { signers }]: [string, { signers: readonly string[] }]) => signers.join() !== dataSigners.join();
    const names = this.signing === 'by-and-by' ? [...this.#signed].filter(isOld).map(([name]) => name) : [];
    for (const name of names) this.signRRset(name);
    if (names.length > 0) this.step();
    return names.length > 0;
  }

  #publish(): void {
    if (!this.isPublishing) return;
    for (const kind of ['dnskey', 'zone', 'negative'] as const) this.#noteTtl(kind);
    const { dnskeys, dnskeySigners } = this.publication;
    this.caches.publishDnskeys(
      this.now,
      { keys: dnskeys, signers: dnskeySigners },
      dnskeys.length === 0 ? this.current.negative : this.current.dnskey,
    );
    for (const id of this.keys.map((key) => key.id)) {
      this.#sightings.note(`dnskey ${id}`, dnskeys.includes(id) ? 'everywhere' : 'nowhere', this.clock);
      this.#sightings.note(`krrsig ${id}`, dnskeySigners.includes(id) ? 'everywhere' : 'nowhere', this.clock);
    }
    for (const name of rrsetNames) this.#signIfDue(name);
  }

  /** Signing with no key, or for the first time, is a change of its own that does not wait. */
  #signIfDue(name: string): void {
    const { dataSigners } = this.publication;
    const signed = this.#signed.get(name);
    const isBare = signed === undefined || (signed.signers.length === 0) !== (dataSigners.length === 0);
    if (isBare || this.signing === 'at-once') this.signRRset(name);
    else this.caches.publishRRset(this.now, name, signed.signers, Math.max(this.current.zone, this.current.negative));
  }

  #noteTtl(kind: TtlKind): void {
    const { zonePropagation, parentPropagation, publishSafety, retireSafety } = this.policy;
    const slack = zonePropagation + parentPropagation + publishSafety + retireSafety;
    this.ttls = { ...this.ttls, [kind]: noteTtl(this.ttls[kind], this.current[kind], this.clock, slack) };
  }

  /** Note what servers show now, and what is published of the parent's. */
  #show(): void {
    this.#noteTtl('ds');
    for (const server of servers) this.caches.publishDs(this.now, server, this.dsSets[server], this.current.ds);
    const signerSets = [...this.#signed.values()].map(({ signers }) => signers);
    for (const { id } of this.keys) {
      this.#sightings.note(`ds ${id}`, kindOf(Object.values(this.dsSets), id), this.clock);
      this.#sightings.note(`zrrsig ${id}`, kindOf(signerSets, id), this.clock);
    }
  }

  fault(): string | undefined {
    return this.caches.faultAt(this.now);
  }
}

function kindOf(sets: readonly (readonly string[])[], id: string): Sighting['kind'] {
  const count = sets.filter((set) => set.includes(id)).length;
  if (count === 0) return 'nowhere';
  return count === sets.length ? 'everywhere' : 'somewhere';
}

/** Return a key that all resolvers know. */
export function established(key: RolloverKey): RolloverKey {
  let result: RolloverKey = { ...key, goal: 'omnipresent' };
  for (const record of recordNames) {
    if (key.records[record] !== undefined)
      result = moveRecord(result, record, 'omnipresent', key.records[record].since);
  }
  return result;
}

/** Return `dnskey zrrsig krrsig ds` by their first letters, `-` for what the role does not have. */
export function statesOf(key: RolloverKey): string {
  return recordNames.map((record) => (key.records[record] === undefined ? '-' : stateOf(key, record)[0])).join('');
}

/** A policy without safety margins, so that every wait is as short as caches allow. */
export const tightPolicy: RolloverPolicy = {
  ...defaultRolloverPolicy,
  publishSafety: 0,
  retireSafety: 0,
  zonePropagation: 7,
  parentPropagation: 11,
  signatureValidity: 1500,
  signatureRefresh: 500,
  signatureJitter: 0,
};
