import type { Database } from '#database/database.ts';
import { type EventRow, eventOf } from '#dnssec/adapters/store/key-records.ts';
import type { ZoneEventKind } from '#dnssec/core/managed/zone-events.ts';
import type { ZoneWebhook, ZoneWebhookStore } from '#dnssec/ports-webhooks.ts';
import type { ZoneScope } from '#dnssec/ports-zones.ts';

const inScope = 'organisation = ? AND project = ?';
const lastEvent = 'SELECT coalesce(max(number), 0) AS number FROM zone_events';
const sql = {
  insert: `INSERT INTO zone_webhooks
    (identity, organisation, project, url, kinds, created_at, secret_hash, delivered, failures, next_attempt_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  list: `SELECT * FROM zone_webhooks WHERE ${inScope} ORDER BY created_at, identity`,
  delete: `DELETE FROM zone_webhooks WHERE ${inScope} AND identity = ? RETURNING identity`,
  due: `SELECT * FROM zone_webhooks WHERE next_attempt_at <= ? AND delivered < (${lastEvent}) ORDER BY next_attempt_at LIMIT 100`,
  claim: 'UPDATE zone_webhooks SET next_attempt_at = ? WHERE identity = ? AND next_attempt_at = ? RETURNING identity',
  advance: `UPDATE zone_webhooks SET delivered = ?, failures = ?, next_attempt_at = ?, last_error = ?
    WHERE identity = ? AND next_attempt_at = ?`,
  lastEvent,
  events: `SELECT zone_events.*, zones.identity AS zone_identity FROM zone_events JOIN zones ON zones.id = zone_events.zone
    WHERE zones.organisation = ? AND zones.project = ? AND number > ? ORDER BY number LIMIT ?`,
};

interface WebhookRow {
  readonly identity: string;
  readonly organisation: string;
  readonly project: string;
  readonly url: string;
  readonly kinds: string | null;
  readonly created_at: number;
  readonly secret_hash: string;
  readonly delivered: number;
  readonly failures: number;
  readonly next_attempt_at: number;
  readonly last_error: string | null;
}

/** Keep webhooks in the database of the zones. */
export function openZoneWebhookStore(database: Database): ZoneWebhookStore {
  return {
    insertWebhook: (webhook) => database.write([{ sql: sql.insert, values: valuesOf(webhook) }]),
    listWebhooks: async (scope) => (await database.rows<WebhookRow>(sql.list, ...scopeValues(scope))).map(webhookOf),
    deleteWebhook: async (scope, identity) =>
      (await database.rows(sql.delete, ...scopeValues(scope), identity)).length > 0,
    listDueWebhooks: async (now) => (await database.rows<WebhookRow>(sql.due, now)).map(webhookOf),
    claimWebhook: async ({ identity, nextAttemptAt }, until) =>
      (await database.rows(sql.claim, until, identity, nextAttemptAt)).length > 0,
    advanceWebhook: ({ identity, delivered, failures, nextAttemptAt, lastError = null }, claimedUntil) =>
      database.write([
        { sql: sql.advance, values: [delivered, failures, nextAttemptAt, lastError, identity, claimedUntil] },
      ]),
    lastEventNumber: async () => (await database.rows<{ number: number }>(sql.lastEvent))[0]?.number ?? 0,
    async listEventsAfter(scope, number, limit) {
      const values = [...scopeValues(scope), number, limit];
      const rows = await database.rows<EventRow & { zone_identity: string }>(sql.events, ...values);
      return rows.map(({ zone_identity, ...row }) => ({ event: eventOf(row), zone: zone_identity }));
    },
  };
}

function scopeValues({ organisation, project = '' }: ZoneScope): [string, string] {
  return [organisation, project];
}

function valuesOf({ identity, scope, url, kinds, createdAt, secretHash, ...standing }: ZoneWebhook) {
  const { delivered, failures, nextAttemptAt } = standing;
  const wanted = kinds === undefined ? null : JSON.stringify(kinds);
  return [identity, ...scopeValues(scope), url, wanted, createdAt, secretHash, delivered, failures, nextAttemptAt];
}

function webhookOf(row: WebhookRow): ZoneWebhook {
  const { organisation, project } = row;
  return {
    identity: row.identity,
    scope: { organisation, ...(project === '' ? {} : { project }) },
    url: row.url,
    ...(row.kinds === null ? {} : { kinds: JSON.parse(row.kinds) as ZoneEventKind[] }),
    createdAt: row.created_at,
    secretHash: row.secret_hash,
    delivered: row.delivered,
    failures: row.failures,
    nextAttemptAt: row.next_attempt_at,
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
  };
}
