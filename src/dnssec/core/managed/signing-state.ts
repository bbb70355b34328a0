import type { Role } from '#dnssec/core/keys/zone-key.ts';

/** A key version that signs a zone. */
export interface SigningKey {
  readonly keyId: string;
  readonly version: number;
  readonly role: Role;
  /** DNSSEC algorithm number. */
  readonly algorithm: number;
  readonly keyTag: number;
}

/** How a zone is kept signed; durations in seconds. */
export interface SigningPolicy {
  readonly denial: 'nsec' | 'nsec3';
  readonly optOut: boolean;
  /** From the time of signing to the expiration. */
  readonly validity: number;
  readonly inceptionOffset: number;
  readonly jitter: number;
  /** How long before its expiration a signature is renewed. */
  readonly refresh: number;
  readonly dnskeyTtl: number;
  /** The largest TTL that a record may have: rollovers wait for it. */
  readonly maxTtl: number;
  readonly serial: 'increment' | 'unixtime' | 'datecounter';
  /** Time until every secondary has a new version. */
  readonly propagationDelay: number;
}

/** Safe for most zones: caches and secondaries have let go of a signature days before it expires. */
export const defaultPolicy: SigningPolicy = {
  denial: 'nsec',
  optOut: false,
  validity: 14 * 86_400,
  inceptionOffset: 3600,
  jitter: 12 * 3600,
  refresh: 5 * 86_400,
  dnskeyTtl: 3600,
  maxTtl: 86_400,
  serial: 'increment',
  propagationDelay: 300,
};

/** What a signed zone is signed with. Times are milliseconds since the epoch. */
export interface ZoneSigning {
  /** As its user wrote it. */
  readonly region: string;
  /** The key that its user named; absent when it was made for the zone. */
  readonly kmsKeyIdentity?: string;
  readonly keys: readonly SigningKey[];
  readonly policy: SigningPolicy;
  readonly enabledAt: number;
  /** From when no cache holds unsigned data any more, so that the DS may be published. */
  readonly publishDsAfter: number;
  readonly lastSignedAt: number;
  /** Why the last try to sign failed; absent after one that did not. */
  readonly lastSignError?: string;
}
