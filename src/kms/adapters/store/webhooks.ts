import type { Database } from '#database/database.ts';
import { writeClaimed } from '#kms/adapters/store/claims.ts';
import type { Webhook, WebhookStore } from '#kms/ports/webhook-store.ts';

const sql = {
  insert: `INSERT INTO webhooks (identity, organisation, url, created_at, delivered, failures, next_attempt_at, last_error)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  list: 'SELECT * FROM webhooks WHERE organisation = ? ORDER BY created_at, identity',
  delete: 'DELETE FROM webhooks WHERE organisation = ? AND identity = ? RETURNING identity',
  due: 'SELECT * FROM webhooks WHERE next_attempt_at <= ? AND delivered < (SELECT next - 1 FROM event_counter) ORDER BY next_attempt_at',
  claim: 'UPDATE webhooks SET next_attempt_at = ? WHERE identity = ? AND next_attempt_at = ? RETURNING identity',
  advance: 'UPDATE webhooks SET delivered = ?, failures = ?, next_attempt_at = ?, last_error = ? WHERE identity = ?',
};

interface WebhookRow {
  readonly identity: string;
  readonly organisation: string;
  readonly url: string;
  readonly created_at: number;
  readonly delivered: number;
  readonly failures: number;
  readonly next_attempt_at: number;
  readonly last_error: string | null;
}

/** Keep webhooks in a database. */
export function openWebhookStore(database: Database): WebhookStore {
  return {
    insertWebhook: (webhook, claim) => {
      const { identity, organisation, url, createdAt: at, delivered, failures, nextAttemptAt, lastError } = webhook;
      const values = [identity, organisation, url, at, delivered, failures, nextAttemptAt, lastError ?? null];
      return writeClaimed(database, [{ sql: sql.insert, values }], claim, { identity, at });
    },
    listWebhooks: async (organisation) => (await database.rows<WebhookRow>(sql.list, organisation)).map(webhookOf),
    deleteWebhook: async (organisation, identity) =>
      (await database.rows(sql.delete, organisation, identity)).length > 0,
    listDueWebhooks: async (now) => (await database.rows<WebhookRow>(sql.due, now)).map(webhookOf),
    claimWebhook: async ({ identity, nextAttemptAt }, until) =>
      (await database.rows(sql.claim, until, identity, nextAttemptAt)).length > 0,
    advanceWebhook: ({ identity, delivered, failures, nextAttemptAt, lastError }) =>
      database.write([{ sql: sql.advance, values: [delivered, failures, nextAttemptAt, lastError ?? null, identity] }]),
  };
}

function webhookOf(row: WebhookRow): Webhook {
  return {
    identity: row.identity,
    organisation: row.organisation,
    url: row.url,
    createdAt: row.created_at,
    delivered: row.delivered,
    failures: row.failures,
    nextAttemptAt: row.next_attempt_at,
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
  };
}
