import { KmsError } from '#kms/core/errors.ts';
import type { KeyType } from '#kms/core/key-types.ts';

/** Where a key lives. Without a project it belongs to the organisation itself, which is another scope than any project. */
export interface Scope {
  readonly organisation: string;
  readonly region: string;
  readonly project?: string;
}

/** A `purged` key is a tombstone: its material is gone, and no call finds it. */
export type KeyStatus = 'active' | 'disabled' | 'pending_deletion' | 'purged';

export interface KeyVersion {
  /** 1, 2, 3, … */
  readonly version: number;
  readonly createdAt: number;
  /** Opaque to all but the crypto provider. */
  readonly wrapped: Uint8Array;
  /** SubjectPublicKeyInfo in DER; absent for symmetric types. */
  readonly publicKey?: Uint8Array;
}

/** A key with all its versions. Times are milliseconds since the epoch. */
export interface Key {
  readonly identity: string;
  readonly scope: Scope;
  readonly name: string;
  readonly slug: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly keyType: KeyType;
  readonly exportAllowed: boolean;
  readonly imported: boolean;
  /** Whether an imported key may get new versions. */
  readonly allowRotation: boolean;
  readonly status: KeyStatus;
  readonly keyRotationEnabled: boolean;
  readonly rotationPeriodInDays?: number;
  readonly minDecryptionVersion: number;
  /** In ascending order; the last is the latest. None when purged. */
  readonly versions: readonly KeyVersion[];
  readonly deletionScheduledAt?: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastRotatedAt?: number;
  /** Grows by one with every change. */
  readonly objectVersion: number;
}

/** What happened to a key, as the event log and its consumers name it. */
export type KeyEventKind =
  | 'created'
  | 'imported'
  | 'rotated'
  | 'rotation-changed'
  | 'disabled'
  | 'enabled'
  | 'deletion-scheduled'
  | 'deletion-cancelled'
  | 'purged';

/** A key event as its consumers see it. */
export interface KeyEvent {
  /** 1, 2, 3, … over all keys, in the order in which the changes were committed. */
  readonly number: number;
  readonly scope: Scope;
  readonly key: string;
  readonly kind: KeyEventKind;
  /** The latest version after the change; absent when the key was purged. */
  readonly version?: number;
  readonly at: number;
}

export const dayMilliseconds = 86_400_000;
/** How long a key waits for its deletion. */
export const deletionGraceDays = 30;

/** Return the newest version. */
export function latestVersion(key: Key): KeyVersion {
  const latest = key.versions.at(-1);
  if (latest === undefined) throw new KmsError('internal', `key ${key.identity} has no version`);
  return latest;
}

/** Return a version, the latest when none is named. @throws KmsError version-unknown */
export function getVersion(key: Key, version?: number): KeyVersion {
  if (version === undefined) return latestVersion(key);
  const found = key.versions.find((candidate) => candidate.version === version);
  if (found === undefined) {
    throw new KmsError(
      'version-unknown',
      `keyVersion: key ${key.identity} has no version ${version}; its latest is ${latestVersion(key).version}`,
    );
  }
  return found;
}

/** Return when a key is due its next automatic rotation, if it has one. */
export function nextRotationAt(key: Key): number | undefined {
  if (!key.keyRotationEnabled || key.rotationPeriodInDays === undefined || key.status !== 'active') return undefined;
  return (key.lastRotatedAt ?? key.createdAt) + key.rotationPeriodInDays * dayMilliseconds;
}
