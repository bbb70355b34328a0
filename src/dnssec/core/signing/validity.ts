import { addToSerial } from '#dns/serial.ts';
import type { CanonicalName } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import { DnssecError } from '#dnssec/core/errors.ts';

/** How long signatures live; all in seconds. */
export interface ValidityPolicy {
  /** From the time of signing to the expiration. */
  readonly lifetime: number;
  /** How far back the inception lies, for validators whose clocks are slow. */
  readonly inceptionOffset: number;
  /** The most that is taken off an RRset's lifetime, so that signatures don't all expire at once. */
  readonly jitter: number;
}

export const defaultValidity: ValidityPolicy = { lifetime: 14 * 86_400, inceptionOffset: 3600, jitter: 12 * 3600 };

/** Inception and expiration as they stand in an RRSIG: seconds modulo 2³². Source: RFC 4034 §3.1.5. */
export interface Validity {
  readonly inception: number;
  readonly expiration: number;
}

const halfRange = 0x80000000;

/**
 * Check that a policy gives signatures that are valid for some time and stay within what serial arithmetic can tell.
 *
 * Source: RFC 4034 §3.1.5.
 *
 * @throws DnssecError request-invalid
 */
export function assertValidityPolicy({ lifetime, inceptionOffset, jitter }: ValidityPolicy): void {
  if (lifetime <= jitter) {
    throw new DnssecError(
      'request-invalid',
      `the validity of ${lifetime} s must be longer than the jitter of ${jitter} s`,
    );
  }
  if (lifetime + inceptionOffset >= halfRange) {
    throw new DnssecError(
      'request-invalid',
      `validity and inception offset make ${lifetime + inceptionOffset} s: less than 2^31 is possible`,
    );
  }
}

/**
 * Return the validity of an RRset's signatures made at `now`. The jitter depends on owner and type alone, so that an
 * RRset keeps its place when it is signed again.
 *
 * @param now seconds since the epoch
 */
export function validityOf(policy: ValidityPolicy, now: number, owner: CanonicalName, type: RRType): Validity {
  const lifetime = policy.jitter === 0 ? policy.lifetime : policy.lifetime - jitterOf(policy.jitter, owner, type);
  return { inception: addToSerial(now, -policy.inceptionOffset), expiration: addToSerial(now, lifetime) };
}

function jitterOf(most: number, owner: CanonicalName, type: RRType): number {
  let state = 0x811c9dc5 ^ type;
  for (let index = 0; index < owner.length; index++) state = Math.imul(state ^ owner.charCodeAt(index), 0x01000193);
  state ^= state >>> 15;
  state = Math.imul(state, 0x2c1b3c6d);
  state ^= state >>> 12;
  return (state >>> 0) % (most + 1);
}

/**
 * Refuse to sign at a time before the last signing: signatures would expire sooner than those they replace, and serials
 * that follow the clock would go back.
 *
 * @throws DnssecError signing-refused
 */
export function assertClockAdvances(now: number, lastSigned: number | undefined): void {
  if (lastSigned !== undefined && now < lastSigned) {
    throw new DnssecError(
      'signing-refused',
      `the clock went back: it is ${lastSigned - now} s before the last signing`,
    );
  }
}
