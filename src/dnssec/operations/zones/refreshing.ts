import { repeat, type Repetition } from '#lib/repeat.ts';
import { refreshDueZones } from '#dnssec/operations/zones/refresh-zones.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';

/** Milliseconds between two looks for signatures that are due; they are renewed days before they expire. */
const interval = 5000;

/** Renew signatures for as long as the service runs; what became due while it did not run comes first. */
export function startRefreshing(ports: ZonePorts, onError: (error: unknown, what: string) => void): Repetition {
  const round = () => refreshDueZones(ports, (error, { name }) => onError(error, `renewal of signatures of ${name}`));
  return repeat(interval, round, (error) => onError(error, 'renewal of signatures'));
}
