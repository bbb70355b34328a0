import type { ZoneEventKind } from '#dnssec/core/managed/zone-events.ts';
import type { NumberedZoneEvent, ZoneScope } from '#dnssec/ports-zones.ts';
import type { Clock } from '#lib/clock.ts';
import type { WebhookStanding } from '#lib/webhook-delivery.ts';

/** Someone who is told of what happens to the zones of a scope. */
export interface ZoneWebhook extends WebhookStanding {
  readonly scope: ZoneScope;
  /** Absent: all. */
  readonly kinds?: readonly ZoneEventKind[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** SHA-256 of its secret, in hex: tells that the secret has become another one. */
  readonly secretHash: string;
}

/** An event with the identity of its zone. */
export interface EventOfZone {
  readonly event: NumberedZoneEvent;
  readonly zone: string;
}

/**
 * Holds webhooks of zone events and how far each is.
 *
 * - A call that resolves is durable.
 * - Of several processes one gets a claim, and only who has it still can advance.
 */
export interface ZoneWebhookStore {
  insertWebhook(webhook: ZoneWebhook): Promise<void>;
  listWebhooks(scope: ZoneScope): Promise<readonly ZoneWebhook[]>;
  /** @returns whether there was one */
  deleteWebhook(scope: ZoneScope, identity: string): Promise<boolean>;
  /** Webhooks whose next try is due and that have not been told of the last event, the first due first. */
  listDueWebhooks(now: number): Promise<readonly ZoneWebhook[]>;
  /** @returns false when another was first */
  claimWebhook(webhook: ZoneWebhook, until: number): Promise<boolean>;
  /** Write down how far a webhook came; nothing where it fell to somebody else. */
  advanceWebhook(webhook: ZoneWebhook, claimedUntil: number): Promise<void>;
  /** 0 without any. */
  lastEventNumber(): Promise<number>;
  /** Events of the zones of a scope that there are, after one, oldest first. */
  listEventsAfter(scope: ZoneScope, number: number, limit: number): Promise<readonly EventOfZone[]>;
}

/** What the operations on webhooks work with. */
export interface WebhookPorts {
  readonly store: ZoneWebhookStore;
  readonly clock: Clock;
  /** The secret of a webhook, 32 octets, which is stored nowhere. */
  readonly secretOf: (identity: string) => Uint8Array;
}
