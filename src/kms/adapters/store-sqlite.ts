import { timingSafeEqual } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { inTransaction, openSqlite } from '#lib/sqlite.ts';
import { keyColumns, keyFromRows, type KeyRow, keyValues, type VersionRow } from '#kms/adapters/key-rows.ts';
import type { Policy } from '#kms/core/access.ts';
import { KmsError } from '#kms/core/errors.ts';
import { dayMilliseconds, type Key, latestVersion, type Scope } from '#kms/core/key.ts';
import type { IdempotencyClaim, KeyChange, KeyStore, Region } from '#kms/ports/key-store.ts';

const migrations = fileURLToPath(new URL('./migrations', import.meta.url));

/** Open the key store in one SQLite file. Calls are synchronous underneath, so each is atomic within this process. */
export function openSqliteStore(path: string): KeyStore {
  const database = openSqlite(path, migrations);
  return {
    ...keyStatements(database),
    ...tenantStatements(database),
    ...kekStatements(database),
    close: async () => database.close(),
  };
}

function keyStatements(database: DatabaseSync) {
  const placeholders = keyColumns.map(() => '?').join(', ');
  const insertKey = database.prepare(`INSERT INTO keys (${keyColumns.join(', ')}) VALUES (${placeholders})`);
  const updateKey = database.prepare(
    `UPDATE keys SET ${keyColumns.map((column) => `${column} = ?`).join(', ')} WHERE identity = ? AND object_version = ?`,
  );
  const insertVersion = database.prepare(
    'INSERT INTO key_versions (key, version, created_at, wrapped, public_key) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const insertEvent = database.prepare(
    'INSERT INTO key_events (organisation, region, project, key, kind, version, at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const insertClaim = database.prepare(
    'INSERT INTO idempotency_claims (principal, claim, request_hash, key, at) VALUES (?, ?, ?, ?, ?)',
  );
  const selectClaim = database.prepare(
    'SELECT request_hash, key FROM idempotency_claims WHERE principal = ? AND claim = ?',
  );
  const selectKey = database.prepare(
    `SELECT * FROM keys WHERE organisation = ? AND region = ? AND project = ? AND (identity = ? OR (slug = ? AND status <> 'pending_deletion'))
     ORDER BY identity = ? DESC LIMIT 1`,
  );
  const selectKeys = database.prepare(
    'SELECT * FROM keys WHERE organisation = ? AND region = ? AND project = ? ORDER BY created_at, identity',
  );
  const selectVersions = database.prepare(
    'SELECT version, created_at, wrapped, public_key FROM key_versions WHERE key = ? ORDER BY version',
  );
  const selectDue = database.prepare(
    `SELECT * FROM keys WHERE rotation_enabled = 1 AND status = 'active'
     AND coalesce(last_rotated_at, created_at) + rotation_period_days * ${dayMilliseconds} <= ?`,
  );
  const countByStatus = database.prepare(
    'SELECT status, count(*) AS count FROM keys WHERE organisation = ? AND region = ? AND project = ? GROUP BY status',
  );

  const keyOf = (row: KeyRow): Key => keyFromRows(row, selectVersions.all(row.identity) as unknown as VersionRow[]);

  const writeRest = ({ key, event, at, claim }: KeyChange): void => {
    for (const { version, createdAt, wrapped, publicKey } of key.versions) {
      insertVersion.run(key.identity, version, createdAt, wrapped, publicKey ?? null);
    }
    const { organisation, region, project = '' } = key.scope;
    insertEvent.run(organisation, region, project, key.identity, event, latestVersion(key).version, at);
    if (claim !== undefined) insertClaim.run(claim.principal, claim.key, claim.requestHash, key.identity, at);
  };

  return {
    async insertKey(change: KeyChange): Promise<void> {
      inTransaction(database, () => {
        try {
          insertKey.run(...keyValues(change.key));
          writeRest(change);
        } catch (error) {
          throw conflictOf(error, change);
        }
      });
    },

    async updateKey(change: KeyChange): Promise<void> {
      const { key } = change;
      inTransaction(database, () => {
        try {
          const { changes } = updateKey.run(...keyValues(key), key.identity, key.objectVersion - 1);
          if (changes !== 1)
            throw new KmsError(
              'conflict',
              `key ${key.identity} was changed by another call at the same time: try again`,
            );
          writeRest(change);
        } catch (error) {
          throw conflictOf(error, change);
        }
      });
    },

    async findKey(scope: Scope, identityOrSlug: string): Promise<Key | undefined> {
      const row = selectKey.get(...scopeValues(scope), identityOrSlug, identityOrSlug, identityOrSlug);
      return row === undefined ? undefined : keyOf(row as unknown as KeyRow);
    },

    async listKeys(scope: Scope, filter: Parameters<KeyStore['listKeys']>[1]): Promise<readonly Key[]> {
      const keys = (selectKeys.all(...scopeValues(scope)) as unknown as KeyRow[]).map(keyOf);
      return keys.filter(
        (key) =>
          (['identity', 'name', 'slug', 'status'] as const).every(
            (field) => filter[field] === undefined || filter[field] === key[field],
          ) && Object.entries(filter.labels ?? {}).every(([label, value]) => key.labels?.[label] === value),
      );
    },

    async countKeys(scope: Scope) {
      const rows = countByStatus.all(...scopeValues(scope)) as { status: string; count: number }[];
      const count = (status: string) => rows.find((row) => row.status === status)?.count ?? 0;
      return { active: count('active'), disabled: count('disabled'), pendingDeletion: count('pending_deletion') };
    },

    async findClaim(claim: IdempotencyClaim): Promise<string | undefined> {
      const row = selectClaim.get(claim.principal, claim.key) as { request_hash: Uint8Array; key: string } | undefined;
      if (row !== undefined && !timingSafeEqual(row.request_hash, claim.requestHash)) throw claimTaken();
      return row?.key;
    },

    async listDueRotations(now: number): Promise<readonly Key[]> {
      return (selectDue.all(now) as unknown as KeyRow[]).map(keyOf);
    },
  };
}

function scopeValues({ organisation, region, project = '' }: Scope): [string, string, string] {
  return [organisation, region, project];
}

function conflictOf(error: unknown, { key }: KeyChange): unknown {
  if (!(error instanceof Error) || !error.message.startsWith('UNIQUE constraint failed')) return error;
  if (error.message.includes('idempotency_claims')) return claimTaken();
  return new KmsError(
    'slug-conflict',
    `name: a key with the slug ${key.slug} exists already in this organisation, region and project`,
    {
      cause: error,
    },
  );
}

function claimTaken(): KmsError {
  return new KmsError('conflict', 'the Idempotency-Key was used before, with another request');
}

interface TokenRow {
  readonly principal: string;
  readonly organisation: string | null;
  readonly project: string | null;
  readonly policies: string;
}

function tenantStatements(database: DatabaseSync) {
  const selectOrganisation = database.prepare(
    'SELECT * FROM organisations WHERE identity = ? OR slug = ? ORDER BY identity = ? DESC LIMIT 1',
  );
  const selectRegion = database.prepare(
    'SELECT * FROM regions WHERE identity = ? OR slug = ? ORDER BY identity = ? DESC LIMIT 1',
  );
  const selectRegions = database.prepare('SELECT * FROM regions ORDER BY identity');
  const upsertOrganisation = database.prepare(
    'INSERT OR REPLACE INTO organisations (identity, name, slug, kms_enabled) VALUES (?, ?, ?, ?)',
  );
  const upsertRegion = database.prepare(
    'INSERT OR REPLACE INTO regions (identity, name, slug, kms_available) VALUES (?, ?, ?, ?)',
  );
  const upsertToken = database.prepare(
    'INSERT OR REPLACE INTO tokens (hash, principal, name, organisation, project, policies, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const selectToken = database.prepare(
    'SELECT principal, organisation, project, policies FROM tokens WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)',
  );

  return {
    async findOrganisation(id: string) {
      const row = selectOrganisation.get(id, id, id);
      return row === undefined ? undefined : { ...names(row), kmsEnabled: row['kms_enabled'] === 1 };
    },
    async findRegion(id: string) {
      const row = selectRegion.get(id, id, id);
      return row === undefined ? undefined : regionOf(row);
    },
    listRegions: async () => selectRegions.all().map(regionOf),
    async putOrganisation({
      identity,
      name,
      slug,
      kmsEnabled,
    }: Parameters<KeyStore['putOrganisation']>[0]): Promise<void> {
      upsertOrganisation.run(identity, name, slug, Number(kmsEnabled));
    },
    async putRegion({ identity, name, slug, kmsAvailable }: Parameters<KeyStore['putRegion']>[0]): Promise<void> {
      upsertRegion.run(identity, name, slug, Number(kmsAvailable));
    },
    async findPrincipal(tokenHash: Uint8Array, now: number) {
      const row = selectToken.get(tokenHash, now) as TokenRow | undefined;
      if (row === undefined) return undefined;
      return {
        identity: row.principal,
        ...(row.organisation === null ? {} : { organisation: row.organisation }),
        ...(row.project === null ? {} : { project: row.project }),
        policies: JSON.parse(row.policies) as Policy[],
      };
    },
    async putToken({
      principal,
      name,
      hash,
      createdAt,
      expiresAt,
    }: Parameters<KeyStore['putToken']>[0]): Promise<void> {
      const { identity, organisation = null, project = null, policies } = principal;
      const values: SQLInputValue[] = [
        hash,
        identity,
        name,
        organisation,
        project,
        JSON.stringify(policies),
        createdAt,
        expiresAt ?? null,
      ];
      upsertToken.run(...values);
    },
  };
}

function regionOf(row: Record<string, unknown>): Region {
  return { ...names(row), kmsAvailable: row['kms_available'] === 1 };
}

function names(row: Record<string, unknown>): { identity: string; name: string; slug: string } {
  return { identity: String(row['identity']), name: String(row['name']), slug: String(row['slug']) };
}

interface KekRow {
  readonly id: string;
  readonly generation: number;
  readonly root_key_id: string;
  readonly wrapped: Uint8Array;
}

function kekStatements(database: DatabaseSync) {
  const selectKeks = database.prepare('SELECT * FROM key_encryption_keys ORDER BY generation');
  const insertKek = database.prepare(
    'INSERT INTO key_encryption_keys (id, generation, root_key_id, wrapped) VALUES (?, ?, ?, ?) ON CONFLICT (generation) DO NOTHING',
  );
  const listKeks = async () =>
    (selectKeks.all() as unknown as KekRow[]).map(({ id, generation, root_key_id: rootKeyId, wrapped }) => ({
      id,
      generation,
      rootKeyId,
      wrapped,
    }));
  const insertSetting = database.prepare('INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const selectSetting = database.prepare('SELECT value FROM settings WHERE name = ?');
  return {
    async keepFirstSetting(name: string, value: string): Promise<string> {
      insertSetting.run(name, value);
      return (selectSetting.get(name) as { value: string }).value;
    },
    listKeks,
    async insertFirstKek({ id, generation, rootKeyId, wrapped }: Parameters<KeyStore['insertFirstKek']>[0]) {
      insertKek.run(id, generation, rootKeyId, wrapped);
      const [first] = await listKeks();
      if (first === undefined) throw new KmsError('internal', 'the key-encryption key was not stored');
      return first;
    },
  };
}
