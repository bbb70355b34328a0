import { chmodSync, existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { auditFile } from '#kms/adapters/audit/open-audit-log.ts';
import { openKeks, rewrapKek } from '#kms/adapters/key-encryption-keys.ts';
import { openRootKey, type RootKeySource } from '#kms/adapters/root-key.ts';
import { openRootKeyFile } from '#kms/adapters/root-key-file.ts';
import { openMaterialStore } from '#kms/adapters/store/material.ts';
import { type DatabasePlace, keyFile, openKeyDatabase } from '#kms/adapters/store/open-database.ts';
import { KmsError } from '#kms/core/errors.ts';
import type { MaterialStore } from '#kms/ports/material-store.ts';
import type { RootKey } from '#kms/ports/root-key.ts';

/** What a check of the root key found. */
export interface RootKeyReport {
  /** Names the root key without telling anything about it. */
  readonly rootKeyId: string;
  /** Key-encryption keys that it opened, which are all that are stored. */
  readonly openedKeks: number;
}

/**
 * Check that the root key opens what is stored.
 *
 * @throws KmsError root-key-missing, root-key-invalid, root-key-wrong
 */
export async function checkRootKey(place: DatabasePlace, source: RootKeySource): Promise<RootKeyReport> {
  return withMaterial(place, async (store) => {
    const rootKey = await openRootKey(source, store, false);
    try {
      return { rootKeyId: rootKey.id, openedKeks: (await openKeks(rootKey, await store.listKeks())).length };
    } finally {
      rootKey.close();
    }
  });
}

/** What a rotation of the root key did. */
export interface RootKeyRotation {
  readonly oldId: string;
  readonly newId: string;
  /** Where the old key is now, when it was a file that gave its place to the new one. Backups made before need it. */
  readonly oldFile?: string;
}

/**
 * Wrap every key-encryption key under another root key, all at once. Neither keys nor data change. No service may run
 * on the place meanwhile.
 *
 * @throws KmsError root-key-missing, root-key-invalid, root-key-wrong, conflict
 */
export async function rotateRootKey(
  place: DatabasePlace,
  from: RootKeySource,
  to: RootKeySource,
): Promise<RootKeyRotation> {
  return withMaterial(place, async (store) => {
    const old = await openRootKey(from, store, false);
    const next = await openRootKey(to, store, true);
    return rewrapAll(store, old, next);
  });
}

/**
 * Make a new root key file and put it in the place of the old one, which is kept beside it under the id of its key. Run
 * again after a crash, it ends what it had begun.
 */
export async function rotateRootKeyFile(place: DatabasePlace, path: string): Promise<RootKeyRotation> {
  const nextPath = `${path}.next`;
  return withMaterial(place, async (store) => {
    const keks = await store.listKeks();
    const next = await openRootKeyFile(nextPath, { create: true });
    // A run before this one may have come as far as this.
    const isRewrapped = keks.length > 0 && keks.every(({ rootKeyId }) => rootKeyId === next.id);
    const rotation = isRewrapped
      ? { oldId: existsSync(path) ? (await openRootKeyFile(path, { create: false })).id : 'before', newId: next.id }
      : await rewrapAll(store, await openRootKeyFile(path, { create: false }), next);
    const oldFile = `${path}.${rotation.oldId}`;
    if (existsSync(path)) await rename(path, oldFile);
    await rename(nextPath, path);
    return { ...rotation, oldFile };
  });
}

async function rewrapAll(store: MaterialStore, old: RootKey, next: RootKey): Promise<RootKeyRotation> {
  try {
    const keks = await store.listKeks();
    if (keks.length === 0) throw new KmsError('root-key-wrong', 'nothing is stored yet, so there is nothing to rotate');
    const rewrapped = await Promise.all(keks.map((kek) => rewrapKek(old, next, kek)));
    await openKeks(next, rewrapped); // that the new key opens them is seen before the old form is gone
    await store.replaceKeks(rewrapped);
    return { oldId: old.id, newId: next.id };
  } finally {
    old.close();
    next.close();
  }
}

async function withMaterial<Result>(
  place: DatabasePlace,
  work: (store: MaterialStore) => Promise<Result>,
): Promise<Result> {
  if (place.kind === 'folder' && !existsSync(keyFile(place.path)))
    throw new KmsError('root-key-wrong', `there is no KMS in ${place.path}`);
  const database = await openKeyDatabase(place, () => undefined);
  try {
    return await work(openMaterialStore(database));
  } finally {
    await database.close();
  }
}

/**
 * Copy the keys and the audit log of a data folder, also while a service runs on it. Each copy is one moment of its
 * database; that of the audit log is the later one, so that it has an event for all that the keys went through. The root
 * key is not copied: it belongs elsewhere.
 *
 * @param onProgress told of the share that is copied, from 0 to 1
 * @returns the files that were made
 */
export async function backUpFolder(
  folder: string,
  target: string,
  onProgress: (share: number) => void,
): Promise<readonly string[]> {
  const files = [keyFile(folder), auditFile(folder)];
  const made: string[] = [];
  for (const [index, file] of files.entries()) {
    if (!existsSync(file)) throw new KmsError('payload-invalid', `there is no KMS in ${folder}: ${file} is missing`);
    const copy = join(target, basename(file));
    if (existsSync(copy)) throw new KmsError('payload-invalid', `${copy} exists already: name an empty folder`);
    const source = new DatabaseSync(file, { readOnly: true, timeout: 10_000 });
    try {
      await backup(source, copy, {
        progress: ({ totalPages, remainingPages }) =>
          onProgress((index + 1 - remainingPages / Math.max(1, totalPages)) / files.length),
      });
    } finally {
      source.close();
    }
    chmodSync(copy, 0o600);
    made.push(copy);
  }
  return made;
}
