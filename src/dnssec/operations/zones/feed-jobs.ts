import { type Clock, secondsOf } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import { repeat, type Repetition } from '#lib/repeat.ts';
import { urgencyOf } from '#dnssec/core/managed/urgency.ts';
import type { JobQueue } from '#dnssec/ports-jobs.ts';
import type { ZoneStore } from '#dnssec/ports-zones.ts';

/** Milliseconds between two looks for zones with something due. */
const interval = 1000;
/** Zones that are looked at in a round: the most urgent ones, of which those that are done leave. */
const window = 1000;
/** Seconds after which a zone that is still due is put again, should the queue have lost it unnoticed. */
const longestTrust = 60;

export interface FeederPorts {
  readonly store: Pick<ZoneStore, 'dueZones' | 'readZones'>;
  readonly clock: Clock;
  readonly queue: Pick<JobQueue, 'put' | 'epoch'>;
}

/**
 * Feeds the queue from the store. It may be stopped at any moment and may run in several processes at once: what it knows
 * of former rounds only spares the queue to be told the same again and again.
 */
export class JobFeeder {
  readonly #ports: FeederPorts;
  #epoch: string | undefined;
  #trustUntil = 0;
  /** Zones that were put, by their number, with the time at which they were due. */
  #put = new Map<number, number>();

  constructor(ports: FeederPorts) {
    this.#ports = ports;
  }

  /** Put the zones that became due. @returns how many they were */
  async feed(): Promise<number> {
    const { store, clock, queue } = this.#ports;
    const now = secondsOf(clock);
    const epoch = await queue.epoch();
    if (epoch !== this.#epoch || now >= this.#trustUntil) {
      this.#put = new Map();
      this.#trustUntil = now + longestTrust;
    }
    this.#epoch = epoch;
    const due = await store.dueZones(now, window);
    const news = due.filter(({ id, dueAt }) => this.#put.get(id) !== dueAt);
    if (news.length > 0) {
      const zones = await store.readZones(news.map(({ id }) => id));
      await queue.put(zones.map((zone) => ({ zoneId: zone.id, priority: urgencyOf(zone, now) })));
    }
    this.#put = new Map(due.map((zone) => [zone.id, zone.dueAt]));
    return news.length;
  }
}

/** Feed the queue for as long as the service runs. @param onError told once of a failure that stays the same */
export function startFeeding(ports: FeederPorts, onError: (error: unknown, what: string) => void): Repetition {
  const feeder = new JobFeeder(ports);
  let told: string | undefined;
  const round = async (): Promise<void> => {
    await feeder.feed();
    told = undefined;
  };
  return repeat(interval, round, (error) => {
    if (messageOf(error) === told) return;
    told = messageOf(error);
    onError(error, 'feeding of the queue');
  });
}
