import type { Octets } from '#lib/octets.ts';
import type { OrderKey } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import type { RolloverKey } from '#dnssec/core/rollover/key-state.ts';
import type { Sighting } from '#dnssec/core/rollover/sightings.ts';
import type { RolloverTtls } from '#dnssec/core/rollover/ttl-history.ts';

/** A version of a KMS key that signs a zone, or did, or will, and how far its records have come. */
export interface SigningKey extends RolloverKey {
  /** Where the KMS has it. */
  readonly region: string;
  readonly keyId: string;
  readonly version: number;
  readonly keyTag: number;
  /** DNSKEY RDATA, so that nothing but signing needs the KMS. */
  readonly dnskey: Rdata;
}

/** How a zone is kept signed; durations in seconds. */
export interface SigningPolicy {
  /** KMS key type of the keys that are made for zones. */
  readonly keyType: 'ecdsa-p256' | 'ecdsa-p384' | 'ed25519' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096';
  /** One key for everything, or one for the keys and one for the data. */
  readonly keys: 'csk' | 'split';
  /** After how long the KMS rotates by itself the CSK or KSK, and the ZSK, that are made for a zone; 0: it is not asked to. */
  readonly keyLifetime: number;
  readonly zskLifetime: number;
  readonly denial: 'nsec' | 'nsec3';
  readonly optOut: boolean;
  /** Whether each version carries a digest of the whole zone. */
  readonly zonemd: boolean;
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
  /** Time until every server of the parent has a new DS. */
  readonly parentPropagationDelay: number;
  /** TTL of the DS at the parent, as long as it was not seen. */
  readonly parentDsTtl: number;
  /** Waited on top of what caches need, before a record counts as known to all, or as forgotten by all. */
  readonly publishSafety: number;
  readonly retireSafety: number;
  readonly kskRollover: 'double-ksk' | 'double-ds';
  readonly algorithmRollover: 'conservative' | 'liberal';
  /** Whether a person has to allow each step of a rollover, once the zone has asked for a DS. */
  readonly approval: boolean;
}

/** Safe for most zones: caches and secondaries have let go of a signature days before it expires. */
export const defaultPolicy: SigningPolicy = {
  keyType: 'ecdsa-p256',
  keys: 'csk',
  keyLifetime: 0,
  zskLifetime: 0,
  denial: 'nsec',
  optOut: false,
  zonemd: false,
  validity: 14 * 86_400,
  inceptionOffset: 3600,
  jitter: 12 * 3600,
  refresh: 5 * 86_400,
  dnskeyTtl: 3600,
  maxTtl: 86_400,
  serial: 'increment',
  propagationDelay: 300,
  parentPropagationDelay: 3600,
  parentDsTtl: 86_400,
  publishSafety: 3600,
  retireSafety: 3600,
  kskRollover: 'double-ksk',
  algorithmRollover: 'conservative',
  approval: false,
};

/**
 * How far the zone has been signed by those keys that are to sign it now. A round goes through all RRsets and then through
 * the links of the chain of denial, a part in each version; what changes meanwhile is signed by the same keys.
 */
export type SigningRound =
  /** Seconds since the epoch; from then on everything has been signed by all of these keys, and by no others. */
  | { readonly kind: 'done'; readonly at: number }
  | { readonly kind: 'rrsets'; readonly after?: { readonly key: OrderKey; readonly type: RRType } }
  | { readonly kind: 'links'; readonly after?: Octets };

/** A version of a KMS key that cannot be used for the zone. */
export interface RefusedVersion {
  readonly keyId: string;
  readonly version: number;
  /** For people. */
  readonly reason: string;
}

/** What a rollover waits for, other than time. */
export interface RolloverWait {
  readonly kind: 'parent' | 'human' | 'signing';
  /** Seconds. */
  readonly since: number;
  /** Whether it was told that the rollover is stuck. */
  readonly isTold?: boolean;
}

/** What a signed zone is signed with. Times are milliseconds since the epoch where nothing else is said. */
export interface ZoneSigning {
  /** As its user wrote it. */
  readonly region: string;
  /** The CSK or KSK that its user named, and the ZSK beside a KSK; absent when keys were made for the zone. */
  readonly kmsKeyIdentity?: string;
  readonly zskKmsKeyIdentity?: string;
  /** In the order in which they came. Keys that no cache can know any more are not among them. */
  readonly keys: readonly SigningKey[];
  readonly policy: SigningPolicy;
  /** The version of a named policy that `policy` is; absent where fields of it were given one by one. */
  readonly policyRef?: { readonly name: string; readonly version: number };
  readonly ttls: RolloverTtls;
  /** What the parent's servers show of each key's DS, by the key's id. */
  readonly parent: Readonly<Record<string, Sighting>>;
  /** The DS that the parent was last seen with of each key, by the key's id, in presentation form; absent of keys without. */
  readonly parentDs?: Readonly<Record<string, readonly string[]>>;
  /** DS that the parent was last seen with and that stand for none of the keys, in presentation form. */
  readonly foreignDs?: readonly string[];
  /** Whether a validating resolver vouched for who the servers of the parent are, when they were last asked. */
  readonly isParentValidated?: boolean;
  /** What kept servers of the parent from being asked the last time. */
  readonly parentProblems?: readonly string[];
  /** DNSKEY RDATA of another signer of the zone, published beside our own; absent where we are the only one. */
  readonly foreignKeys?: readonly Rdata[];
  readonly round: SigningRound;
  /** Seconds; since when the DNSKEY RRset and its signatures are published as they are. */
  readonly keySetAt: number;
  /** Seconds; when time allows the next step of a rollover. */
  readonly wakeAt?: number;
  /** Seconds; when the parent is asked again. Absent while there is nothing to be asked, or nobody to ask. */
  readonly probeAt?: number;
  /** Seconds; when those CDS were changed that the parent was last told of. */
  readonly toldOf?: number;
  /** The change that the parent could not be told of yet, in seconds, how often that failed, and when it is tried again. */
  readonly untold?: { readonly of: number; readonly tries: number; readonly nextAt: number };
  /** `published` while name servers vouch for its CDS, or why they could not be made to. */
  readonly signals?: string;
  /** Its user has switched signing off: it stays signed until no cache holds a DS. */
  readonly isLeaving?: boolean;
  /** Moves that a person has allowed and that are not made yet, by name. */
  readonly approved?: readonly string[];
  /** Versions of its KMS keys that are passed over. */
  readonly refused?: readonly RefusedVersion[];
  /** KMS keys that it needs and that are disabled or about to be deleted, by identity; what they are. */
  readonly endangered?: Readonly<Record<string, string>>;
  /** What its rollovers wait for, by name; absent where time alone is awaited. */
  readonly waits?: Readonly<Record<string, RolloverWait>>;
  /** Whether it was told that signatures are about to run out. */
  readonly isRunwayLow?: boolean;
  readonly enabledAt: number;
  readonly lastSignedAt: number;
  /** Why the last try to sign failed; absent after one that did not. */
  readonly lastSignError?: string;
}
