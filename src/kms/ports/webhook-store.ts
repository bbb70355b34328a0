import type { IdempotencyClaim } from '#lib/idempotency.ts';

/** Someone who is told of the key events of an organisation. */
export interface Webhook {
  /** `whk-…`. */
  readonly identity: string;
  readonly organisation: string;
  readonly url: string;
  readonly createdAt: number;
  /** The last event that its receiver took. */
  readonly delivered: number;
  /** Tries since then that failed. */
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly nextAttemptAt: number;
  readonly lastError?: string;
}

/** Holds webhooks and how far each is. */
export interface WebhookStore {
  /** @throws KmsError conflict when the claim is taken */
  insertWebhook(webhook: Webhook, claim?: IdempotencyClaim): Promise<void>;
  listWebhooks(organisation: string): Promise<readonly Webhook[]>;
  /** @returns whether there was one */
  deleteWebhook(organisation: string, identity: string): Promise<boolean>;
  /** Webhooks whose next try is due. */
  listDueWebhooks(now: number): Promise<readonly Webhook[]>;
  /**
   * Take a due webhook for this process by moving its next try, so that no other process delivers meanwhile.
   *
   * @returns false when another was first
   */
  claimWebhook(webhook: Webhook, until: number): Promise<boolean>;
  /** Write down how far a webhook came. */
  advanceWebhook(webhook: Webhook): Promise<void>;
}
