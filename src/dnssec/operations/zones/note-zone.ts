import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { KeyNews, ManagedZone } from '#dnssec/ports-zones.ts';

/** How a zone stands from now on, and what is written with it. */
export interface ZoneNote {
  readonly zone: ManagedZone;
  readonly news?: KeyNews;
}

/** How often a note is made anew when another process was first. */
const attempts = 5;

/**
 * Write down how the signing of a zone stands, without a new version of it.
 *
 * @param compute called again when another process was first; nothing is written where it returns nothing
 * @returns whether something was written
 * @throws DnssecError conflict, not-found
 */
export async function noteZone(
  ports: Pick<ZonePorts, 'store' | 'locks'>,
  zoneId: number,
  compute: (zone: ManagedZone) => Promise<ZoneNote | undefined>,
): Promise<boolean> {
  return ports.locks.run(zoneId, async () => {
    for (let attempt = 1; ; attempt++) {
      const before = await ports.store.getZone(zoneId);
      const note = await compute(before);
      if (note === undefined) return false;
      try {
        await ports.store.noteSigning({ ...note.zone, state: before.state + 1 }, note.news);
        return true;
      } catch (error) {
        if (attempt < attempts && error instanceof DnssecError && error.code === 'conflict') continue;
        throw error;
      }
    }
  });
}
