import { DnssecError } from '#dnssec/core/errors.ts';
import { SmallContents } from '#dnssec/operations/zones/small-contents.ts';
import type { RunApart } from '#dnssec/operations/zones/apart.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { CanonicalName } from '#dns/name.ts';
import type { SignBatch, Signer } from '#dnssec/ports.ts';
import type { DsQuestion } from '#dnssec/ports-parent.ts';
import type {
  KeyNews,
  KmsKeyInUse,
  KnownZone,
  ManagedZone,
  StagedContents,
  VersionChange,
  ZoneStore,
} from '#dnssec/ports-zones.ts';

/** RRsets, and links, of a zone up to which its contents are read at once and kept in memory. */
const few = 100;

/** Somebody else wrote before what was kept back could be written: all of it is to be done anew. */
export class Overtaken extends Error {
  constructor(cause: DnssecError) {
    super('the zone was changed meanwhile', { cause });
  }
}

/** How often a run is begun anew when somebody else was first. */
const attempts = 5;

/**
 * Do something for a zone that is read once and, if it is small, written once.
 *
 * @param work done again when somebody else was first: what it asks others for must be safe to repeat
 * @throws DnssecError conflict, not-found, and what `work` throws, after what it had written until then
 */
export async function withZoneMemory(
  outer: ZonePorts,
  zoneId: number,
  work: (ports: ZonePorts) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const memory = new ZoneMemory(outer, await outer.store.readSmallZone(zoneId, few));
    try {
      await work(memory.ports);
      return await memory.flush();
    } catch (error) {
      if (error instanceof Overtaken && attempt < attempts) continue;
      if (error instanceof Overtaken) throw error.cause;
      await memory.flush().catch(() => undefined); // the first error tells more, and the zone stays due
      throw error;
    }
  }
}

/** What is to be written: how the zone stands, and the version that it comes with. */
interface Pending {
  readonly zone: ManagedZone;
  readonly news: KeyNews;
  readonly change?: VersionChange | undefined;
}

/**
 * What one run of the tending of a zone knows of it: its `ports` show the zone from memory, and join what is written one after the
 * other into one transaction.
 *
 * What is kept back is written before the zone's next version, before anybody outside is asked or told something while a
 * version is kept back, and by `flush`. The compare-and-swap of the store decides, as always: a memory that somebody else has
 * made stale can write nothing. A crash loses no more than what the next run does again, since the zone is still due.
 */
class ZoneMemory {
  readonly ports: ZonePorts;
  readonly #outer: ZonePorts;
  #contents: SmallContents | undefined;
  #zone: ManagedZone;
  #kmsKeys: readonly KmsKeyInUse[];
  /** The `state` that the store has. */
  #stored: number;
  #pending: Pending | undefined;

  constructor(outer: ZonePorts, known: KnownZone) {
    this.#outer = outer;
    this.#zone = known.zone;
    this.#kmsKeys = known.kmsKeys;
    this.#contents = known.contents && new SmallContents(known.contents);
    this.#stored = known.zone.state;
    const { parentProbe, parentNotifier, runApart } = outer;
    this.ports = {
      ...outer,
      store: this.#store(outer.store),
      serviceSigner: (of, region) => this.#signer(outer.serviceSigner(of, region)),
      onPublished: (published) => (this.#isOurs(published.id) ? undefined : outer.onPublished(published)), // `flush` tells
      ...(parentProbe && {
        parentProbe: { lookUpDs: this.#afterVersion((question: DsQuestion) => parentProbe.lookUpDs(question)) },
      }),
      ...(parentNotifier && {
        parentNotifier: { notifyCds: this.#afterVersion((apex: CanonicalName) => parentNotifier.notifyCds(apex)) },
      }),
      ...(runApart && { runApart: this.#apart(runApart) }),
    };
  }

  /** Write what was kept back. @throws Overtaken */
  async flush(): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    const { news, change } = pending;
    const { store } = this.#outer;
    await this.#write(pending.zone, (zone) =>
      change === undefined ? store.noteSigning(zone, news) : store.publish({ ...change, ...news, zone }),
    );
    if (change !== undefined) this.#outer.onPublished(this.#zone);
  }

  async #write(wanted: ManagedZone, write: (zone: ManagedZone) => Promise<void>): Promise<void> {
    const zone = { ...wanted, state: this.#stored + 1 };
    try {
      await write(zone);
    } catch (error) {
      throw error instanceof DnssecError && error.code === 'conflict' ? new Overtaken(error) : error;
    }
    this.#stored = zone.state;
    this.#zone = zone;
  }

  #isOurs(id: number): boolean {
    return id === this.#zone.id;
  }

  #store(store: ZoneStore): ZoneStore {
    const inMemory = (id: number) => (this.#isOurs(id) ? this.#contents : undefined);
    return {
      ...store,
      getZone: async (id) => (this.#isOurs(id) ? this.#zone : store.getZone(id)),
      kmsKeysOf: async (id) => (this.#isOurs(id) ? this.#kmsKeys : store.kmsKeysOf(id)),
      viewOf: (id) => inMemory(id)?.view() ?? store.viewOf(id),
      readRRsets: async (id, limit, after) =>
        inMemory(id)?.readRRsets(limit, after) ?? store.readRRsets(id, limit, after),
      readLinks: async (id, limit, after) => inMemory(id)?.readLinks(limit, after) ?? store.readLinks(id, limit, after),
      dueRRsets: async (id, until, limit) => inMemory(id)?.dueRRsets(until, limit) ?? store.dueRRsets(id, until, limit),
      dueLinks: async (id, until, limit) => inMemory(id)?.dueLinks(until, limit) ?? store.dueLinks(id, until, limit),
      firstRefresh: async (id) => (inMemory(id) === undefined ? store.firstRefresh(id) : inMemory(id)?.firstRefresh()),
      noteSigning: async (zone, news = {}) =>
        this.#isOurs(zone.id) ? this.#note(zone, news) : store.noteSigning(zone, news),
      publish: (change) => (this.#isOurs(change.zone.id) ? this.#publish(change) : this.#publishOther(change)),
      stage: (now) => this.#stage(store.stage(now)),
      snapshot: this.#afterVersion(() => store.snapshot()),
    };
  }

  #note(zone: ManagedZone, news: KeyNews, change = this.#pending?.change): void {
    this.#pending = { zone, news: joinNews(this.#pending?.news ?? {}, news), change };
    this.#zone = zone;
    if (news.kmsKeys !== undefined) this.#kmsKeys = withKnown(news.kmsKeys, this.#kmsKeys);
  }

  async #publish(change: VersionChange): Promise<void> {
    if (this.#pending?.change !== undefined) await this.flush();
    this.#note(change.zone, newsOf(change), change);
    if (this.#contents === undefined) await this.flush();
    else this.#contents.apply(change);
  }

  async #publishOther(change: VersionChange): Promise<void> {
    await this.flush();
    await this.#outer.store.publish(change);
  }

  #stage(staged: StagedContents): StagedContents {
    return {
      add: (rrsets, links) => staged.add(rrsets, links),
      publish: async (version) => {
        await this.flush();
        if (!this.#isOurs(version.zone.id)) return staged.publish(version);
        await this.#write(version.zone, (zone) => staged.publish({ ...version, zone }));
        this.#contents = undefined; // from now on the store tells
        if (version.kmsKeys !== undefined) this.#kmsKeys = withKnown(version.kmsKeys, this.#kmsKeys);
        this.#outer.onPublished(this.#zone);
      },
      [Symbol.asyncDispose]: () => staged[Symbol.asyncDispose](),
    };
  }

  /** A thread of its own does not see what is kept back, nor is what it writes seen from here. */
  #apart(runApart: RunApart): RunApart {
    const apart = async (...work: Parameters<RunApart>): Promise<unknown> => {
      await this.flush();
      try {
        return await runApart(...work);
      } finally {
        await this.#readAgain();
      }
    };
    return apart as RunApart;
  }

  async #readAgain(): Promise<void> {
    const { zone, kmsKeys } = await this.#outer.store.readSmallZone(this.#zone.id, 0);
    this.#zone = zone;
    this.#kmsKeys = kmsKeys;
    this.#contents = undefined;
    this.#stored = zone.state;
  }

  /** Nobody waits for others while there is a version to be published. */
  #afterVersion<Args extends unknown[], Result>(
    call: (...args: Args) => Promise<Result>,
  ): (...args: Args) => Promise<Result> {
    return async (...args) => {
      if (this.#pending?.change !== undefined) await this.flush();
      return call(...args);
    };
  }

  #signer(signer: Signer): Signer {
    return {
      getKey: this.#afterVersion((keyId: string) => signer.getKey(keyId)),
      sign: this.#afterVersion((batch: SignBatch) => signer.sign(batch)),
    };
  }
}

function newsOf({ events = [], kmsKeys, claim }: KeyNews): KeyNews {
  return { events, ...(kmsKeys && { kmsKeys }), ...(claim && { claim }) };
}

function joinNews(first: KeyNews, second: KeyNews): KeyNews {
  return { ...first, ...second, events: [...(first.events ?? []), ...(second.events ?? [])] };
}

/** Of a key that the zone goes on to use, what was heard is still known. */
function withKnown(used: Required<KeyNews>['kmsKeys'], known: readonly KmsKeyInUse[]): readonly KmsKeyInUse[] {
  const keys = used.map(
    (key) => known.find(({ region, keyId }) => region === key.region && keyId === key.keyId) ?? key,
  );
  return [...new Set(keys)];
}
