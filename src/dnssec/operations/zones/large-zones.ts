import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';

/** RRsets beyond which a zone is large: working through it would hold up others for too long. */
const largeZone = 2000;

/** Tell whether going through a zone would hold up others for too long. */
export function isLarge({ store }: Pick<ZonePorts, 'store'>, zoneId: number): Promise<boolean> {
  return store.hasMoreRRsets(zoneId, largeZone);
}
