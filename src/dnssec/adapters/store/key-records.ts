import type { Database, SqlValue, Statement } from '#database/database.ts';
import { claiming } from '#dnssec/adapters/store/claims.ts';
import type { ZoneEventKind } from '#dnssec/core/managed/zone-events.ts';
import { scopeFromRow, type ZoneRow } from '#dnssec/adapters/store/zone-rows.ts';
import type { KeyNews, KmsKeyInUse, NumberedZoneEvent, ZoneStore } from '#dnssec/ports-zones.ts';

export const kmsKeysOfZone =
  'SELECT region, key_id, latest, status FROM zone_kms_keys WHERE zone = ? ORDER BY region, key_id';

const sql = {
  putKmsKey:
    'INSERT INTO zone_kms_keys (zone, region, key_id) VALUES (?, ?, ?) ON CONFLICT (zone, region, key_id) DO NOTHING',
  kmsKeysInUse: `SELECT used.region, used.key_id, used.latest, used.status, zones.organisation, zones.project
    FROM (SELECT region, key_id, min(zone) AS zone, nullif(min(coalesce(latest, 0)), 0) AS latest, min(status) AS status
      FROM zone_kms_keys GROUP BY region, key_id) AS used
    JOIN zones ON zones.id = used.zone ORDER BY used.region, used.key_id`,
  unknownKmsKey: 'SELECT zone FROM zone_kms_keys WHERE latest IS NULL LIMIT 1',
  zonesUsingKey: 'SELECT zone FROM zone_kms_keys WHERE region = ? AND key_id = ? ORDER BY zone',
  markDue: `UPDATE zones SET due_at = ?, state = state + 1 WHERE id IN
    (SELECT zone FROM zone_kms_keys WHERE region = ? AND key_id = ? AND (latest IS NULL OR latest <> ? OR status <> ?))`,
  noteKmsKey: 'UPDATE zone_kms_keys SET latest = ?, status = ? WHERE region = ? AND key_id = ?',
  takeEventTurn: 'UPDATE zone_event_turns SET taken = taken + 1',
  insertEvent: 'INSERT INTO zone_events (zone, at, kind, body) VALUES (?, ?, ?, ?)',
  listEvents: 'SELECT * FROM zone_events WHERE zone = ? AND number < ? ORDER BY number DESC LIMIT ?',
  eventsAfter: 'SELECT * FROM zone_events WHERE zone = ? AND number > ? ORDER BY number LIMIT ?',
  eventsInScope: `SELECT zone_events.* FROM zone_events JOIN zones ON zones.id = zone_events.zone
    WHERE zones.organisation = ? AND zones.project = ? AND number > ? ORDER BY number LIMIT ?`,
};

/** A row of `zone_kms_keys`, but for its zone. */
export interface KmsKeyRow {
  readonly region: string;
  readonly key_id: string;
  readonly latest: number | null;
  readonly status: string | null;
}

type ScopeRow = Pick<ZoneRow, 'organisation' | 'project'>;

/** A row of `zone_events`. */
export interface EventRow {
  readonly number: number;
  readonly zone: number;
  readonly at: number;
  readonly kind: string;
  readonly body: string;
}

type KeyRecords = Pick<
  ZoneStore,
  'kmsKeysOf' | 'kmsKeysInUse' | 'hasUnknownKmsKey' | 'zonesUsingKey' | 'noteKmsKey' | 'listEvents' | 'eventsAfter'
>;

/** The part of the store that knows the KMS keys of zones and what happened to them. */
export function keyRecords(database: Database): KeyRecords {
  const events = async (text: string, ...values: SqlValue[]) =>
    (await database.rows<EventRow>(text, ...values)).map(eventOf);
  return {
    kmsKeysOf: async (zoneId) => (await database.rows<KmsKeyRow>(kmsKeysOfZone, zoneId)).map(kmsKeyOf),
    kmsKeysInUse: async () =>
      (await database.rows<KmsKeyRow & ScopeRow>(sql.kmsKeysInUse)).map((row) => ({
        ...kmsKeyOf(row),
        scope: scopeFromRow(row),
      })),
    hasUnknownKmsKey: async () => (await database.rows(sql.unknownKmsKey)).length > 0,
    zonesUsingKey: async (region, keyId) =>
      (await database.rows<{ zone: number }>(sql.zonesUsingKey, region, keyId)).map(({ zone }) => zone),
    noteKmsKey: ({ region, keyId, latestVersion, status }, now) =>
      database.write([
        { sql: sql.markDue, values: [now, region, keyId, latestVersion, status] },
        { sql: sql.noteKmsKey, values: [latestVersion, status, region, keyId] },
      ]),
    listEvents: (zoneId, limit, before = Number.MAX_SAFE_INTEGER) => events(sql.listEvents, zoneId, before, limit),
    eventsAfter: (of, number, limit) =>
      typeof of === 'number'
        ? events(sql.eventsAfter, of, number, limit)
        : events(sql.eventsInScope, of.organisation, of.project ?? '', number, limit),
  };
}

export function kmsKeyOf({ region, key_id, latest, status }: KmsKeyRow): KmsKeyInUse {
  return {
    region,
    keyId: key_id,
    ...(latest === null ? {} : { latestVersion: latest }),
    ...(status === null ? {} : { status }),
  };
}

export function eventOf({ number, zone, at, kind, body }: EventRow): NumberedZoneEvent {
  return { number, zone, at, kind: kind as ZoneEventKind, ...(JSON.parse(body) as { readonly text: string }) };
}

/** Write what comes with a change of a zone's keys; it ends the transaction, since others wait for their turn from here. */
export function newsOf(zone: number, { events = [], kmsKeys, claim }: KeyNews): Statement[] {
  const statements: Statement[] = claiming(claim);
  if (kmsKeys !== undefined) {
    const kept = kmsKeys.flatMap(({ region, keyId }) => [region, keyId]);
    const others = kmsKeys.map(() => ' AND NOT (region = ? AND key_id = ?)').join('');
    statements.push({ sql: `DELETE FROM zone_kms_keys WHERE zone = ?${others}`, values: [zone, ...kept] });
    for (const { region, keyId } of kmsKeys) statements.push({ sql: sql.putKmsKey, values: [zone, region, keyId] });
  }
  if (events.length > 0) statements.push({ sql: sql.takeEventTurn, values: [] });
  for (const { at, kind, ...body } of events)
    statements.push({ sql: sql.insertEvent, values: [zone, at, kind, JSON.stringify(body)] });
  return statements;
}
