import type { IdempotencyClaim } from '#lib/idempotency.ts';
import type { Key, KeyEvent, KeyEventKind, Scope } from '#kms/core/key.ts';

export interface KeyFilter {
  readonly identity?: string | undefined;
  readonly name?: string | undefined;
  readonly slug?: string | undefined;
  readonly status?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** A part of a list. */
export interface Page<Cursor> {
  /** Items at most; without it, all. */
  readonly limit?: number | undefined;
  /** The last item of the page before. */
  readonly after?: Cursor | undefined;
}

/** A key by its identity, not yet read. */
export interface KeyName {
  readonly scope: Scope;
  readonly identity: string;
}

/** Where a list of keys goes on. */
export interface KeyCursor {
  readonly createdAt: number;
  readonly identity: string;
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
 * Holds keys, their versions and their events.
 *
 * - A call that resolves is durable: it survives the loss of power. One that rejects has changed nothing.
 * - `insertKey` and `updateKey` write key, versions, event and idempotency claim in one transaction.
 * - Reads see every change that resolved before they began, in whatever process it was made.
 * - Several processes may use one store; `updateKey` detects that another was first, and the caller reads anew.
 * - Rows that someone else wrote, moved or put back are not served: `row-damaged`.
 */
export interface KeyStore {
  /** @throws KmsError slug-conflict; conflict when the claim is taken by another request */
  insertKey(change: KeyChange): Promise<void>;
  /**
   * Replace a key whose stored `objectVersion` is one less. Versions that it no longer has are destroyed.
   *
   * @throws KmsError conflict when another call was first; slug-conflict when it takes its slug back and that is taken
   */
  updateKey(change: KeyChange): Promise<void>;
  /**
   * Find a key by identity or slug; a slug means the key that does not wait for its deletion, and where there is none
   * the one that was deleted last. Purged keys are not found.
   *
   * @throws KmsError row-damaged
   */
  findKey(scope: Scope, identityOrSlug: string): Promise<Key | undefined>;
  /** Keys of a scope that match, oldest first. @throws KmsError row-damaged */
  listKeys(scope: Scope, filter: KeyFilter, page?: Page<KeyCursor>): Promise<readonly Key[]>;
  countKeys(scope: Scope): Promise<KeyCounts>;
  /** Identity of what an earlier request with this claim made or changed. @throws KmsError conflict when that request was another one */
  findClaim(claim: IdempotencyClaim): Promise<string | undefined>;
  /** Forget claims made before an instant. */
  dropClaims(before: number): Promise<void>;
  /** Names of the active keys with automatic rotation whose time has come. They are not read: one may be damaged. */
  listDueRotations(now: number): Promise<readonly KeyName[]>;
  /** Names of the keys whose time of grace is over. */
  listDuePurges(now: number): Promise<readonly KeyName[]>;
  /** Take the material of purged keys out of the files of the database as well. It may have to be asked for again. */
  eraseDeletedMaterial(): Promise<void>;
  /** Add to the encryptions that a version may have made. @returns all of them */
  reserveInvocations(key: string, version: number, count: number): Promise<number>;
  /** Events of a scope with numbers above `after`, in the order in which they were committed. */
  listEvents(scope: Scope, after: number, limit: number): Promise<readonly KeyEvent[]>;
  /** The same for all scopes of an organisation. */
  listOrganisationEvents(organisation: string, after: number, limit: number): Promise<readonly KeyEvent[]>;
  /** Number of the newest event, 0 when there is none. */
  lastEventNumber(): Promise<number>;
}
