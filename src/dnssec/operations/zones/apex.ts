import { canonicalName, type CanonicalName, parseName } from '#dns/name.ts';
import type { ManagedZone } from '#dnssec/ports-zones.ts';

/** Return the apex of a zone. */
export function apexOf({ name }: Pick<ManagedZone, 'name'>): CanonicalName {
  return canonicalName(parseName(name));
}
