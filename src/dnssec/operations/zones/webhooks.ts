import { hash, randomUUID } from 'node:crypto';
import { repeat, type Repetition } from '#lib/repeat.ts';
import { deliverDue } from '#lib/webhook-delivery.ts';
import { isWebhookUrl, type WebhookSender } from '#lib/webhook-sender.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneEventKind } from '#dnssec/core/managed/zone-events.ts';
import { scopeOf } from '#dnssec/operations/zones/manage-zones.ts';
import type { Caller } from '#dnssec/ports.ts';
import type { EventOfZone, WebhookPorts, ZoneWebhook } from '#dnssec/ports-webhooks.ts';

/** Milliseconds between two rounds of deliveries. */
const interval = 2000;
/** Webhooks of one scope. */
const most = 100;

/** Shows an event as it travels. */
export type DescribeEvent = (event: EventOfZone) => object;

/**
 * Tell a URL of the events of the caller's zones from now on. The secret, by which the receiver checks what it gets, is in
 * the answer only.
 *
 * @param kinds of events that it is told of; absent: all
 * @throws DnssecError request-invalid
 */
export async function createWebhook(
  { store, clock, secretOf }: WebhookPorts,
  caller: Caller,
  { url, kinds }: { readonly url: string; readonly kinds?: readonly ZoneEventKind[] },
): Promise<{ readonly webhook: ZoneWebhook; readonly secret: Uint8Array }> {
  const scope = scopeOf(caller);
  if (!isWebhookUrl(url)) {
    throw new DnssecError('request-invalid', 'url must be an http or https URL without user name and password', {
      details: { in: 'body', pointer: '/url' },
    });
  }
  if ((await store.listWebhooks(scope)).length >= most)
    throw new DnssecError('request-invalid', `there are ${most} webhooks already, which is the most: delete one first`);
  const identity = `zwh-${randomUUID()}`;
  const now = clock.now();
  const secret = secretOf(identity);
  const webhook: ZoneWebhook = {
    identity,
    scope,
    url,
    ...(kinds === undefined ? {} : { kinds }),
    createdAt: now,
    secretHash: hash('sha256', secret),
    delivered: await store.lastEventNumber(),
    failures: 0,
    nextAttemptAt: now,
  };
  await store.insertWebhook(webhook);
  return { webhook, secret };
}

export async function listWebhooks({ store }: WebhookPorts, caller: Caller): Promise<readonly ZoneWebhook[]> {
  return store.listWebhooks(scopeOf(caller));
}

/** @throws DnssecError not-found */
export async function deleteWebhook({ store }: WebhookPorts, caller: Caller, identity: string): Promise<void> {
  if (await store.deleteWebhook(scopeOf(caller), identity)) return;
  throw new DnssecError('not-found', `there is no webhook ${identity.slice(0, 100)}`);
}

/** Tell the receivers of all webhooks that are due what happened to their zones. */
export async function deliverZoneEvents(
  { store, clock, secretOf }: WebhookPorts,
  sender: WebhookSender,
  describe: DescribeEvent,
): Promise<void> {
  await deliverDue<ZoneWebhook>({
    clock,
    sender,
    listDue: (now) => store.listDueWebhooks(now),
    claim: (webhook, until) => store.claimWebhook(webhook, until),
    advance: (webhook, claimedUntil) => store.advanceWebhook(webhook, claimedUntil),
    lastNumber: () => store.lastEventNumber(),
    async listEvents({ scope, delivered, kinds }, limit) {
      const found = await store.listEventsAfter(scope, delivered, limit);
      return found.map((one) => {
        const { number, kind } = one.event;
        return { number, ...(kinds?.includes(kind) === false ? {} : { item: describe(one) }) };
      });
    },
    secretOf({ identity, secretHash }) {
      const secret = secretOf(identity);
      if (hash('sha256', secret) === secretHash) return secret;
      throw new Error(
        'the token of the service is another one, and with it the secret: delete the webhook, and create it anew',
      );
    },
  });
}

/** Deliver for as long as the service runs. */
export function startDelivering(
  ports: WebhookPorts,
  sender: WebhookSender,
  describe: DescribeEvent,
  onError: (error: unknown, what: string) => void,
): Repetition {
  return repeat(
    interval,
    () => deliverZoneEvents(ports, sender, describe),
    (error) => onError(error, 'webhooks of zone events'),
  );
}
