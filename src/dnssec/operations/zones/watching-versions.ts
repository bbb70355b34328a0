import { repeat, type Repetition } from '#lib/repeat.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** Milliseconds between two looks. */
const interval = 10_000;
/** Zones that are looked at together. */
const together = 1000;

export type ZoneNews = Pick<ManagedZone, 'name'>;

/**
 * Tell of each zone at first, and then whenever another process has published a version of it or has deleted it. What this
 * process publishes it knows without.
 */
export function startWatchingVersions(
  { store }: Pick<ZonePorts, 'store'>,
  onNews: (zone: ZoneNews, isFirst: boolean) => void,
  onError: (error: unknown, what: string) => void,
): Repetition {
  let known = new Map<number, { readonly name: string; readonly version: number }>();
  let isFirst = true;
  const round = async (): Promise<void> => {
    const found: typeof known = new Map();
    for (let after = 0; ;) {
      const page = await store.listAllZones(together, after);
      for (const { id, name, version } of page) {
        if (known.get(id)?.version !== version) onNews({ name }, isFirst);
        found.set(id, { name, version });
      }
      const last = page.at(-1);
      if (last === undefined || page.length < together) break;
      after = last.id;
    }
    for (const [id, { name }] of known) if (!found.has(id)) onNews({ name }, isFirst);
    known = found;
    isFirst = false;
  };
  return repeat(interval, round, (error) => onError(error, 'the look for new versions'));
}
