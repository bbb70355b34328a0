import type { ZoneSigning } from '#dnssec/core/managed/signing-state.ts';
import { newestTtl } from '#dnssec/core/managed/zone-rollover.ts';

/** How long a zone lasts without its KMS. */
export interface Runway {
  /** Until the first signature that a resolver could hold expires; negative once it has. */
  readonly seconds: number;
  /** Whether less than half of it is left that there is when signatures are renewed in time. */
  readonly isLow: boolean;
}

/**
 * Return the time until the first signature expires, less the time for which caches and secondaries may still hold it.
 *
 * @param refreshAt when the first signature is due for its renewal, in seconds since the epoch
 * @param now seconds since the epoch
 */
export function runwayOf(
  { policy, ttls }: Pick<ZoneSigning, 'policy' | 'ttls'>,
  refreshAt: number,
  now: number,
): Runway {
  const held =
    Math.max(newestTtl(ttls, 'zone'), newestTtl(ttls, 'negative'), policy.dnskeyTtl) + policy.propagationDelay;
  const seconds = refreshAt + policy.refresh - held - now;
  return { seconds, isLow: seconds < (policy.refresh - held) / 2 };
}
