import { parseDuration } from '#lib/duration.ts';
import { parseName, type Name } from '#dns/name.ts';
import type { SerialPolicy } from '#dns/serial.ts';
import { defaultNsec3 } from '#dnssec/core/denial/nsec3.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import { assertValidityPolicy, defaultValidity, type ValidityPolicy } from '#dnssec/core/signing/validity.ts';
import type { ZoneSigningPolicy } from '#dnssec/core/signing/plan-zone.ts';

export type { ZoneSigningPolicy } from '#dnssec/core/signing/plan-zone.ts';

/** How to sign a zone, as a person or program writes it. Durations are seconds, or numbers with units. */
export interface SigningOptions {
  readonly denial?: 'nsec' | 'nsec3' | undefined;
  readonly optOut?: boolean | undefined;
  readonly validity?: string | undefined;
  readonly inceptionOffset?: string | undefined;
  readonly jitter?: string | undefined;
  readonly serial?: SerialPolicy | undefined;
  readonly zonemd?: boolean | undefined;
}

/** Seconds. */
const dnskeyTtl = 3600;

/**
 * Turn options into a policy, with defaults for what is not said.
 *
 * @throws DnssecError request-invalid, ServiceError duration-invalid
 */
export function signingPolicy(options: SigningOptions): ZoneSigningPolicy {
  const denial = options.denial ?? 'nsec';
  if (options.optOut === true && denial === 'nsec')
    throw new DnssecError('request-invalid', 'opt-out is a feature of NSEC3: choose the denial nsec3 with it');
  const validity = validityPolicy({
    lifetime: seconds(options.validity),
    inceptionOffset: seconds(options.inceptionOffset),
    jitter: seconds(options.jitter),
  });
  return {
    denial:
      denial === 'nsec'
        ? { kind: denial }
        : { kind: denial, parameters: { ...defaultNsec3, optOut: options.optOut === true } },
    validity,
    serial: options.serial ?? 'keep',
    zonemd: options.zonemd === true,
    dnskeyTtl,
  };
}

function seconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

/**
 * Complete a validity policy; all in seconds. Without a jitter of its own a short validity gets a small one.
 *
 * @throws DnssecError request-invalid
 */
export function validityPolicy(given: { [Field in keyof ValidityPolicy]?: number | undefined }): ValidityPolicy {
  const lifetime = given.lifetime ?? defaultValidity.lifetime;
  const jitter = given.jitter ?? Math.min(defaultValidity.jitter, Math.floor(lifetime / 10));
  const policy = { lifetime, jitter, inceptionOffset: given.inceptionOffset ?? defaultValidity.inceptionOffset };
  assertValidityPolicy(policy);
  return policy;
}

/** Parse the origin of a zone file, absolute with or without its final dot. @throws DnsError name-invalid */
export function parseOrigin(text: string): Name {
  return parseName(text);
}
