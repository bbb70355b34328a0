/**
 * What all resolvers together may hold. Any of them can have asked any server at any instant, keeps each answer for its TTL,
 * and meets answers of different ages: so every version of the DS set, of the DNSKEY RRset with its signatures and of each
 * RRset with its signatures counts until it left the last server and its TTL has passed, and each may meet each.
 */
export interface DnskeyRRset {
  readonly keys: readonly string[];
  readonly signers: readonly string[];
}

/** Strict: every algorithm of the DNSKEY RRset signs the data; lenient: every algorithm of the DS set does. */
export type Validator = 'strict' | 'lenient';

interface Version<Value> {
  readonly value: Value;
  readonly ttl: number;
  readonly until?: number;
}

/** The versions of one RRset on one server. */
class Timeline<Value> {
  #versions: Version<Value>[] = [];

  publish(at: number, value: Value, ttl: number): void {
    const last = this.#versions.at(-1);
    if (last !== undefined && last.ttl === ttl && JSON.stringify(last.value) === JSON.stringify(value)) return;
    if (last !== undefined) this.#versions.splice(-1, 1, { ...last, until: at });
    this.#versions.push({ value, ttl });
  }

  heldAt(at: number, propagation: number): Value[] {
    this.#versions = this.#versions.filter(({ until, ttl }) => until === undefined || at < until + propagation + ttl);
    return this.#versions.map(({ value }) => value);
  }
}

export class ResolverCaches {
  readonly #delays: { readonly zone: number; readonly parent: number };
  readonly #algorithmOf: (key: string) => number;
  readonly #validator: Validator;
  readonly #dsSets = new Map<string, Timeline<readonly string[]>>();
  readonly #dnskeys = new Timeline<DnskeyRRset>();
  readonly #rrsets = new Map<string, Timeline<readonly string[]>>();

  /** @param delays seconds that a change of the zone, and of the parent, takes to reach all servers */
  constructor(
    delays: { zone: number; parent: number },
    algorithmOf: (key: string) => number,
    validator: Validator = 'strict',
  ) {
    this.#delays = delays;
    this.#algorithmOf = algorithmOf;
    this.#validator = validator;
  }

  /** @param at seconds, never before the last call's */
  publishDs(at: number, server: string, keys: readonly string[], ttl: number): void {
    timelineOf(this.#dsSets, server).publish(at, keys.toSorted(), ttl);
  }

  /** @param ttl of the RRset, or of its denial where it has no keys */
  publishDnskeys(at: number, { keys, signers }: DnskeyRRset, ttl: number): void {
    this.#dnskeys.publish(at, { keys: keys.toSorted(), signers: signers.toSorted() }, ttl);
  }

  publishRRset(at: number, name: string, signers: readonly string[], ttl: number): void {
    timelineOf(this.#rrsets, name).publish(at, signers.toSorted(), ttl);
  }

  /** Return two answers that no chain of trust joins, if a resolver can hold such at that time. */
  faultAt(at: number): string | undefined {
    const held = <Value>(lines: Iterable<Timeline<Value>>, delay: number) =>
      distinct([...lines].flatMap((line) => line.heldAt(at, delay)));
    const dsSets = held(this.#dsSets.values(), this.#delays.parent).filter((set) => set.length > 0);
    if (dsSets.length === 0) return undefined;
    const dnskeys = held([this.#dnskeys], this.#delays.zone);
    const signers = held(this.#rrsets.values(), this.#delays.zone);
    return this.#dnskeyFault(dsSets, dnskeys) ?? this.#dataFault(dsSets, dnskeys, signers);
  }

  #dnskeyFault(dsSets: readonly (readonly string[])[], dnskeys: readonly DnskeyRRset[]): string | undefined {
    for (const dsSet of dsSets) {
      for (const { keys, signers } of dnskeys) {
        const missing = this.#missing(dsSet, (key) => dsSet.includes(key) && keys.includes(key), signers);
        if (missing !== undefined) return say(missing, { dsSet, keys, signers });
      }
    }
    return undefined;
  }

  #dataFault(
    dsSets: readonly (readonly string[])[],
    dnskeys: readonly DnskeyRRset[],
    signerSets: readonly (readonly string[])[],
  ): string | undefined {
    for (const { keys } of dnskeys) {
      for (const promised of this.#validator === 'strict' ? [keys] : dsSets) {
        for (const signers of signerSets) {
          const missing = this.#missing(promised, (key) => keys.includes(key), signers);
          if (missing !== undefined) return say(missing, { promised, keys, signers });
        }
      }
    }
    return undefined;
  }

  /** An algorithm of the promised keys with which no usable key signs. */
  #missing(
    promised: readonly string[],
    isUsable: (key: string) => boolean,
    signers: readonly string[],
  ): number | undefined {
    return promised
      .map(this.#algorithmOf)
      .find((algorithm) => !signers.some((key) => this.#algorithmOf(key) === algorithm && isUsable(key)));
  }
}

function say(algorithm: number, held: object): string {
  return `no signature with algorithm ${algorithm} in ${JSON.stringify(held)}`;
}

function timelineOf<Value>(lines: Map<string, Timeline<Value>>, name: string): Timeline<Value> {
  const found = lines.get(name) ?? new Timeline<Value>();
  lines.set(name, found);
  return found;
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
