import { timingSafeEqual } from 'node:crypto';
import { type Database, DatabaseError, type Statement } from '#database/database.ts';
import { claimTaken, writeClaimed } from '#kms/adapters/store/claims.ts';
import {
  keyColumns,
  keyFromRows,
  type KeyRow,
  keyValues,
  sealedOctets,
  type VersionRow,
} from '#kms/adapters/store/key-rows.ts';
import { KmsError } from '#kms/core/errors.ts';
import { dayMilliseconds, type Key, type KeyEvent, type KeyEventKind, type Scope } from '#kms/core/key.ts';
import type { CryptoProvider } from '#kms/ports/crypto-provider.ts';
import type { IdempotencyClaim } from '#lib/idempotency.ts';
import type { KeyChange, KeyCursor, KeyFilter, KeyName, KeyStore } from '#kms/ports/key-store.ts';

/** What authenticates rows. */
export type RowSealer = Pick<CryptoProvider, 'seal' | 'isSealed'>;

const columns = [...keyColumns, 'seal'];
const selectKey = `SELECT keys.*, (SELECT max(object_version) FROM key_events WHERE key_events.key = keys.identity) AS announced FROM keys`;
const selectName = 'SELECT identity, organisation, region, project FROM keys';
const inScope = `organisation = ? AND region = ? AND project = ?`;
/**
 * Holds for a slug that is not the identity of a key of the same scope. Whoever calls a key by its identity means that key, also
 * after it was purged, and not one that somebody named so since.
 */
const isNoIdentity = `NOT EXISTS (SELECT 1 FROM keys AS named WHERE named.identity = keys.slug
  AND named.organisation = keys.organisation AND named.region = keys.region AND named.project = keys.project)`;
/** Keys that a list reads at a time. */
const listChunk = 500;

const sql = {
  insertKey: `INSERT INTO keys (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  updateKey: `UPDATE keys SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE identity = ? AND object_version = ?`,
  insertVersion:
    'INSERT INTO key_versions (key, version, created_at, wrapped, public_key) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  deleteVersions: 'DELETE FROM key_versions WHERE key = ?',
  nextEvent: 'UPDATE event_counter SET next = next + 1',
  insertEvent: `INSERT INTO key_events (number, organisation, region, project, key, kind, version, object_version, at)
    VALUES ((SELECT next - 1 FROM event_counter), ?, ?, ?, ?, ?, ?, ?, ?)`,
  selectClaim: 'SELECT request_hash, key FROM idempotency_claims WHERE principal = ? AND claim = ?',
  dropClaims: 'DELETE FROM idempotency_claims WHERE at < ?',
  findKey: `${selectKey} WHERE ${inScope}
    AND ((identity = ? AND status <> 'purged') OR (slug = ? AND status IN ('active', 'disabled') AND ${isNoIdentity}))
    ORDER BY CASE WHEN identity = ? THEN 0 ELSE 1 END LIMIT 1`,
  findPendingBySlug: `${selectKey} WHERE ${inScope} AND slug = ? AND status = 'pending_deletion' AND ${isNoIdentity}
    ORDER BY deletion_scheduled_at DESC, created_at DESC LIMIT 1`,
  reread: `${selectKey} WHERE identity = ?`,
  selectVersions: 'SELECT version, created_at, wrapped, public_key FROM key_versions WHERE key = ? ORDER BY version',
  dueRotations: `${selectName} WHERE rotation_enabled = 1 AND status = 'active'
    AND coalesce(last_rotated_at, created_at) + rotation_period_days * ${dayMilliseconds} <= ?`,
  duePurges: `${selectName} WHERE status = 'pending_deletion' AND deletion_scheduled_at <= ?`,
  countByStatus: `SELECT status, count(*) AS count FROM keys WHERE ${inScope} GROUP BY status`,
  reserve: `INSERT INTO key_invocations (key, version, count) VALUES (?, ?, ?)
    ON CONFLICT (key, version) DO UPDATE SET count = key_invocations.count + excluded.count RETURNING count`,
  scopeEvents: `SELECT * FROM key_events WHERE ${inScope} AND number > ? ORDER BY number LIMIT ?`,
  organisationEvents: 'SELECT * FROM key_events WHERE organisation = ? AND number > ? ORDER BY number LIMIT ?',
  lastEvent: 'SELECT next - 1 AS number FROM event_counter',
};

interface EventRow {
  readonly number: number;
  readonly organisation: string;
  readonly region: string;
  readonly project: string;
  readonly key: string;
  readonly kind: KeyEventKind;
  readonly version: number | null;
  readonly at: number;
}

/** Keep keys in a database. */
export function openKeyStore(database: Database, sealer: RowSealer): KeyStore {
  const sealOf = (key: Key) => sealer.seal('key', sealedOctets(key));

  /**
   * Read the versions of a row, and let nothing pass that this service did not write as its newest state. Row and versions
   * are two reads: when they do not fit, and the row has moved on meanwhile, another process wrote between them.
   */
  const readKey = async (row: KeyRow): Promise<Key> => {
    for (let current = row; ;) {
      const key = keyFromRows(current, await database.rows<VersionRow>(sql.selectVersions, current.identity));
      const fault = faultOf(current, key);
      if (fault === undefined) return key;
      const [again] = await database.rows<KeyRow>(sql.reread, current.identity);
      if (again === undefined || again.object_version === current.object_version)
        throw damaged(current.identity, fault);
      current = again;
    }
  };
  const faultOf = ({ seal, announced, object_version: version }: KeyRow, key: Key): string | undefined => {
    if (!sealer.isSealed('key', sealedOctets(key), seal)) return 'its rows were changed';
    return announced === version ? undefined : 'it is not the newest that was stored';
  };
  const readKeys = async (rows: readonly KeyRow[]) => Promise.all(rows.map(readKey));

  const writeKey = async (write: Statement, change: KeyChange): Promise<void> => {
    const { key, at, claim } = change;
    try {
      await writeClaimed(database, [write, ...consequences(change)], claim, { identity: key.identity, at });
    } catch (error) {
      throw conflictOf(error, key);
    }
  };

  return {
    insertKey: (change) =>
      writeKey({ sql: sql.insertKey, values: [...keyValues(change.key), sealOf(change.key)] }, change),

    updateKey: (change) => {
      const { key } = change;
      const values = [...keyValues(key), sealOf(key), key.identity, key.objectVersion - 1];
      return writeKey({ sql: sql.updateKey, values, changes: 1 }, change);
    },

    async findKey(scope, identityOrSlug) {
      const place = scopeValues(scope);
      const id = identityOrSlug;
      const [found] = await database.rows<KeyRow>(sql.findKey, ...place, id, id, id);
      const [row] = found === undefined ? await database.rows<KeyRow>(sql.findPendingBySlug, ...place, id) : [found];
      return row === undefined ? undefined : readKey(row);
    },

    async listKeys(scope, filter, { limit = Number.MAX_SAFE_INTEGER, after } = {}) {
      const found: Key[] = [];
      let cursor = after;
      for (;;) {
        const chunk = await readKeys(await listRows(database, scope, filter, cursor));
        for (const key of chunk) {
          if (hasLabels(key, filter.labels)) found.push(key);
          if (found.length === limit) return found;
        }
        const last = chunk.at(-1);
        if (chunk.length < listChunk || last === undefined) return found;
        cursor = { createdAt: last.createdAt, identity: last.identity };
      }
    },

    async countKeys(scope) {
      const rows = await database.rows<{ status: string; count: number }>(sql.countByStatus, ...scopeValues(scope));
      const count = (status: string) => rows.find((row) => row.status === status)?.count ?? 0;
      return { active: count('active'), disabled: count('disabled'), pendingDeletion: count('pending_deletion') };
    },

    async findClaim({ principal, key, requestHash }: IdempotencyClaim) {
      const [row] = await database.rows<{ request_hash: Uint8Array; key: string }>(sql.selectClaim, principal, key);
      if (row !== undefined && !timingSafeEqual(row.request_hash, requestHash)) throw claimTaken();
      return row?.key;
    },

    dropClaims: (before) => database.write([{ sql: sql.dropClaims, values: [before] }]),
    listDueRotations: async (now) => (await database.rows<NameRow>(sql.dueRotations, now)).map(nameOf),
    listDuePurges: async (now) => (await database.rows<NameRow>(sql.duePurges, now)).map(nameOf),

    eraseDeletedMaterial: () => database.eraseDeleted('key_versions'),

    async reserveInvocations(key, version, count) {
      const [row] = await database.rows<{ count: number }>(sql.reserve, key, version, count);
      if (row === undefined) throw new KmsError('internal', 'the count of encryptions was not stored');
      return row.count;
    },

    listEvents: async (scope, after, limit) =>
      (await database.rows<EventRow>(sql.scopeEvents, ...scopeValues(scope), after, limit)).map(eventOf),
    listOrganisationEvents: async (organisation, after, limit) =>
      (await database.rows<EventRow>(sql.organisationEvents, organisation, after, limit)).map(eventOf),
    async lastEventNumber() {
      const [row] = await database.rows<{ number: number }>(sql.lastEvent);
      return row?.number ?? 0;
    },
  };
}

/** Everything that is written beside the row of a key. */
function consequences({ key, event, at }: KeyChange): Statement[] {
  const { identity, versions, objectVersion } = key;
  const statements: Statement[] = versions.map(({ version, createdAt, wrapped, publicKey }) => ({
    sql: sql.insertVersion,
    values: [identity, version, createdAt, wrapped, publicKey ?? null],
  }));
  if (versions.length === 0) statements.push({ sql: sql.deleteVersions, values: [identity] });
  const latest = versions.at(-1)?.version ?? null;
  statements.push(
    { sql: sql.nextEvent, values: [], changes: 1 },
    { sql: sql.insertEvent, values: [...scopeValues(key.scope), identity, event, latest, objectVersion, at] },
  );
  return statements;
}

async function listRows(
  database: Database,
  scope: Scope,
  filter: KeyFilter,
  after: KeyCursor | undefined,
): Promise<KeyRow[]> {
  const conditions = [inScope, `status <> 'purged'`];
  const values: (string | number)[] = scopeValues(scope);
  for (const field of ['identity', 'name', 'slug', 'status'] as const) {
    const wanted = filter[field];
    if (wanted === undefined) continue;
    conditions.push(`${field} = ?`);
    values.push(wanted);
  }
  // Leaves out nearly all keys without the labels before they are read whole; `hasLabels` decides.
  for (const [label, value] of Object.entries(filter.labels ?? {})) {
    conditions.push(String.raw`labels LIKE ? ESCAPE '\'`);
    values.push(`%${escapeLike(`${JSON.stringify(label)}:${JSON.stringify(value)}`)}%`);
  }
  if (after !== undefined) {
    conditions.push('(created_at > ? OR (created_at = ? AND identity > ?))');
    values.push(after.createdAt, after.createdAt, after.identity);
  }
  const text = `${selectKey} WHERE ${conditions.join(' AND ')} ORDER BY created_at, identity LIMIT ${listChunk}`;
  return database.rows<KeyRow>(text, ...values);
}

function escapeLike(text: string): string {
  return text.replaceAll(/[%_\\]/g, String.raw`\$&`);
}

function hasLabels(key: Key, labels: KeyFilter['labels'] = {}): boolean {
  return Object.entries(labels).every(([label, value]) => key.labels?.[label] === value);
}

function scopeValues({ organisation, region, project = '' }: Scope): [string, string, string] {
  return [organisation, region, project];
}

type NameRow = Pick<KeyRow, 'identity' | 'organisation' | 'region' | 'project'>;

function nameOf({ identity, ...place }: NameRow): KeyName {
  return { identity, scope: scopeOf(place) };
}

function scopeOf({ organisation, region, project }: Omit<NameRow, 'identity'>): Scope {
  return { organisation, region, ...(project === '' ? {} : { project }) };
}

function eventOf({ number, key, kind, version, at, ...place }: EventRow): KeyEvent {
  return { number, scope: scopeOf(place), key, kind, ...(version === null ? {} : { version }), at };
}

function conflictOf(error: unknown, key: Key): unknown {
  if (!(error instanceof DatabaseError)) return error;
  if (error.code === 'changes-unexpected')
    return new KmsError('conflict', `key ${key.identity} was changed by another call at the same time: try again`);
  if (error.code !== 'unique-violated') return error;
  return new KmsError(
    'slug-conflict',
    `name: a key with the slug ${key.slug} exists already in this organisation, region and project`,
    { cause: error },
  );
}

function damaged(identity: string, why: string): KmsError {
  return new KmsError(
    'row-damaged',
    `the stored key ${identity} is not trusted: ${why} behind the back of the service`,
  );
}
