import type { Principal } from '#kms/core/access.ts';
import type { Key, KeyEventKind, Scope } from '#kms/core/key.ts';
import type { StoredKek } from '#kms/ports/crypto-provider.ts';

export interface Organisation {
  readonly identity: string;
  readonly name: string;
  readonly slug: string;
  readonly kmsEnabled: boolean;
}

export interface Region {
  readonly identity: string;
  readonly name: string;
  readonly slug: string;
  readonly kmsAvailable: boolean;
}

export interface KeyFilter {
  readonly identity?: string | undefined;
  readonly name?: string | undefined;
  readonly slug?: string | undefined;
  readonly status?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Makes a repeated request give the first one's answer. */
export interface IdempotencyClaim {
  readonly principal: string;
  readonly key: string;
  /** SHA-256 of what was asked. */
  readonly requestHash: Uint8Array;
}

/** A change of a key: as it is to be, and the event that tells of it. */
export interface KeyChange {
  readonly key: Key;
  readonly event: KeyEventKind;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly claim?: IdempotencyClaim | undefined;
}

/** Keys by status in one region, for the summary. */
export interface KeyCounts {
  readonly active: number;
  readonly disabled: number;
  readonly pendingDeletion: number;
}

/**
 * Holds keys, versions, events, organisations, regions and tokens.
 *
 * - A call that resolves is durable: it survives the loss of power. One that rejects has changed nothing.
 * - `insertKey` and `updateKey` write key, versions, event and idempotency claim in one transaction.
 * - Reads see every change that resolved before they began, in whatever process it was made.
 * - Several processes may use one store; `updateKey` detects that another was first, and the caller reads anew.
 */
export interface KeyStore {
  /** @throws KmsError slug-conflict; conflict when the claim is taken by another request */
  insertKey(change: KeyChange): Promise<void>;
  /** Replace a key whose stored `objectVersion` is one less. @throws KmsError conflict when it is not */
  updateKey(change: KeyChange): Promise<void>;
  /** Find a key by identity or slug; a slug means the key that does not wait for its deletion. */
  findKey(scope: Scope, identityOrSlug: string): Promise<Key | undefined>;
  /** All keys of a scope that match, oldest first. */
  listKeys(scope: Scope, filter: KeyFilter): Promise<readonly Key[]>;
  countKeys(scope: Scope): Promise<KeyCounts>;
  /** Identity of the key that an earlier request with this claim made or rotated. @throws KmsError conflict when that request was another one */
  findClaim(claim: IdempotencyClaim): Promise<string | undefined>;
  /** Active keys with automatic rotation whose time has come. */
  listDueRotations(now: number): Promise<readonly Key[]>;

  findOrganisation(identityOrSlug: string): Promise<Organisation | undefined>;
  findRegion(identityOrSlug: string): Promise<Region | undefined>;
  listRegions(): Promise<readonly Region[]>;
  putOrganisation(organisation: Organisation): Promise<void>;
  putRegion(region: Region): Promise<void>;

  /** @param tokenHash SHA-256 of the token. @param now milliseconds since the epoch */
  findPrincipal(tokenHash: Uint8Array, now: number): Promise<Principal | undefined>;
  putToken(token: StoredToken): Promise<void>;

  listKeks(): Promise<readonly StoredKek[]>;
  /** Keep the first key-encryption key; a later one is ignored, and the first is returned. */
  insertFirstKek(kek: StoredKek): Promise<StoredKek>;
  /** Keep the first value of a setting; a later one is ignored, and the first is returned. */
  keepFirstSetting(name: string, value: string): Promise<string>;
  close(): Promise<void>;
}

export interface StoredToken {
  readonly principal: Principal;
  readonly name: string;
  readonly hash: Uint8Array;
  readonly createdAt: number;
  readonly expiresAt?: number;
}
