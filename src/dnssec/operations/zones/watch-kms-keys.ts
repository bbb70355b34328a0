import { secondsOf } from '#lib/clock.ts';
import { repeat, type Repetition } from '#lib/repeat.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { KeyRotation } from '#dnssec/operations/zones/fan-out.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { KeyLister } from '#dnssec/ports.ts';
import type { KmsKeyInUse, ManagedZone } from '#dnssec/ports-zones.ts';

/** Called for each place whose keys could not be looked at; the others go on. */
export type OnWatchFailure = (error: unknown, place: string) => void;

/** Called for each new version of a key, when the store knows of it. */
export type OnRotated = (rotation: KeyRotation) => Promise<void>;

/** Milliseconds between two looks at events. */
const interval = 5000;
/** Seconds between two looks at all keys, whatever events say. */
const pollInterval = 600;

type KeyInUse = KmsKeyInUse & Pick<ManagedZone, 'scope'>;

/** The keys of one scope in one region: what one call of the KMS can list. */
interface Place {
  readonly name: string;
  readonly keys: readonly KeyInUse[];
  readonly lister: KeyLister;
}

/**
 * Watches the KMS keys that zones use. Events tell of a new version, or of a key that is in danger, within seconds; now and
 * then all keys are looked at, so that an event that was missed, or a KMS that tells of none, changes nothing but the time.
 * What is found is only written down, and makes the zones due that use the key.
 */
export class KmsKeyWatch {
  readonly #ports: ZonePorts;
  readonly #onFailure: OnWatchFailure;
  readonly #onRotated: OnRotated;
  /** Number of the last event by place; undefined where none are told. */
  readonly #followed = new Map<string, number | undefined>();
  readonly #polledAt = new Map<string, number>();
  /** The keys as they were last read; absent when something of them may be new. A key that a zone takes up is unknown at first. */
  #places: readonly Place[] | undefined;

  constructor(ports: ZonePorts, onFailure: OnWatchFailure, onRotated: OnRotated = async () => undefined) {
    this.#ports = ports;
    this.#onFailure = onFailure;
    this.#onRotated = onRotated;
  }

  /** Look at what has changed, at every place of which zones use keys. */
  async look(): Promise<void> {
    const { store } = this.#ports;
    let fresh: readonly Place[] | undefined;
    const read = async () => (fresh ??= placesOf(this.#ports, await store.kmsKeysInUse()));
    if ((await store.hasUnknownKmsKey()) || this.#places === undefined) this.#places = await read();
    for (const place of this.#places) {
      try {
        if (await this.#lookAt(place, read)) this.#places = undefined;
      } catch (error) {
        this.#polledAt.delete(place.name); // events that were read before are not told again
        this.#onFailure(error, place.name);
      }
    }
  }

  /** @returns whether something of the keys of a place may be new */
  async #lookAt(place: Place, read: () => Promise<readonly Place[]>): Promise<boolean> {
    // Events first: what comes after them is in the list, or in the next events.
    const changed = await this.#follow(place);
    const now = secondsOf(this.#ports.clock);
    const isPollDue = now >= (this.#polledAt.get(place.name) ?? -Infinity) + pollInterval;
    const isAnyNew = place.keys.some(({ latestVersion }) => latestVersion === undefined);
    if (!isPollDue && !isAnyNew && !place.keys.some(({ keyId }) => changed.has(keyId))) return false;
    const listed = new Map((await place.lister.listKeys({})).map((key) => [key.keyId, key]));
    const { keys = [] } = (await read()).find(({ name }) => name === place.name) ?? {};
    for (const { region, keyId, latestVersion, status } of keys) {
      const found = listed.get(keyId);
      const heard = { latestVersion: found?.latestVersion ?? latestVersion ?? 0, status: found?.status ?? 'missing' };
      if (heard.latestVersion === latestVersion && heard.status === status) continue;
      await this.#ports.store.noteKmsKey({ region, keyId, ...heard }, now);
      if (latestVersion !== undefined && heard.latestVersion > latestVersion)
        await this.#onRotated({ region, keyId, version: heard.latestVersion });
    }
    this.#polledAt.set(place.name, now);
    if (isPollDue && this.#followed.get(place.name) === undefined) this.#followed.delete(place.name);
    return true;
  }

  /** The keys that events tell of. */
  async #follow({ name, lister }: Place): Promise<ReadonlySet<string>> {
    const changed = new Set<string>();
    if (this.#followed.has(name) && this.#followed.get(name) === undefined) return changed;
    try {
      for (;;) {
        const events = await lister.eventsAfter(this.#followed.get(name) ?? 0);
        if (events === undefined) break;
        this.#followed.set(name, events.last);
        for (const keyId of events.keyIds) changed.add(keyId);
      }
    } catch (error) {
      // It tells of no events, or not to us: the next poll decides whether to ask again.
      if (!(error instanceof DnssecError) || (error.code !== 'not-found' && error.code !== 'kms-refused')) throw error;
      this.#followed.set(name, undefined);
    }
    return changed;
  }
}

function placesOf(ports: ZonePorts, keys: readonly KeyInUse[]): Place[] {
  const groups = Map.groupBy(keys, ({ region, scope }) => [region, scope.organisation, scope.project ?? ''].join(' '));
  return [...groups].flatMap(([name, group]) => {
    const [first] = group;
    return first === undefined ? [] : [{ name, keys: group, lister: ports.serviceKeys(first.scope, first.region) }];
  });
}

/** Watch the KMS keys of zones for as long as the service runs. */
export function startWatching(
  ports: ZonePorts,
  onError: (error: unknown, what: string) => void,
  onRotated: OnRotated,
): Repetition {
  const watch = new KmsKeyWatch(ports, (error, place) => onError(error, `look at the KMS keys of ${place}`), onRotated);
  return repeat(
    interval,
    () => watch.look(),
    (error) => onError(error, 'look at KMS keys'),
  );
}
