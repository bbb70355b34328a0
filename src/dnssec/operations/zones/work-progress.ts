import type { Clock } from '#lib/clock.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { ZoneStore, ZoneWork } from '#dnssec/ports-zones.ts';

/** Milliseconds between two notes of how far it has come. */
const noteEvery = 1000;
/** Milliseconds without a note after which the work is taken to have died with its process. */
const silence = 120_000;

/** Tells how far the making of a whole version has come. */
export interface WorkProgress extends AsyncDisposable {
  /** Say that more RRsets are done. */
  add(rrsets: number): Promise<void>;
}

/**
 * Let others see how far the making of a whole version has come. Work that ends before the first note is due is never seen, so
 * that small zones cost nothing.
 *
 * @param total RRsets
 */
export function followWork(
  { store, clock }: { readonly store: Pick<ZoneStore, 'noteWork'>; readonly clock: Clock },
  zoneId: number,
  total: number,
): WorkProgress {
  const begunAt = clock.now();
  let done = 0;
  let noteAt = begunAt + noteEvery;
  let isNoted = false;
  return {
    async add(rrsets) {
      done += rrsets;
      const at = clock.now();
      if (at < noteAt) return;
      noteAt = at + noteEvery;
      isNoted = true;
      await store.noteWork(zoneId, { begunAt, at, done: Math.min(done, total), total });
    },
    async [Symbol.asyncDispose]() {
      if (isNoted) await store.noteWork(zoneId, undefined);
    },
  };
}

/** Tell how far a zone's next whole version has come; undefined while none is made. @throws DnssecError not-found */
export async function getWork(ports: ZonePorts, caller: Caller, id: string): Promise<ZoneWork | undefined> {
  const { id: zoneId } = await getOwnZone(ports, caller, id);
  const work = await ports.store.findWork(zoneId);
  return work === undefined || work.at < ports.clock.now() - silence ? undefined : work;
}
