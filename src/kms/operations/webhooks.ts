import { KmsError } from '#kms/core/errors.ts';
import type { KeyEvent } from '#kms/core/key.ts';
import { administer, administerCreation, assertAdministrator } from '#kms/operations/administer.ts';
import { type Caller, getOrganisation, type KmsPorts } from '#kms/operations/context.ts';
import { claimOf } from '#kms/operations/idempotency.ts';
import type { Webhook } from '#kms/ports/webhook-store.ts';
import { utf8Bytes } from '#lib/bytes.ts';
import { formatInstant } from '#lib/clock.ts';
import { deliverDue } from '#lib/webhook-delivery.ts';
import { isWebhookUrl, type WebhookSender } from '#lib/webhook-sender.ts';

/**
 * Tell a URL of the key events of the caller's organisation from now on. The secret, by which the receiver checks what
 * it gets, is in the answer only.
 *
 * @throws KmsError forbidden, payload-invalid, not-found, conflict
 */
export async function createWebhook(
  ports: KmsPorts,
  caller: Caller,
  url: string,
  idempotencyKey?: string,
): Promise<{ readonly webhook: Webhook; readonly secret: Uint8Array }> {
  const { identity: organisation } = await getOrganisation(ports, caller);
  const claim = claimOf(caller, idempotencyKey, ['webhook', organisation, url]);
  const make = async (identity: string) => {
    if (!isWebhookUrl(url))
      throw new KmsError('payload-invalid', 'url must be an http or https URL without user name and password');
    const now = ports.clock.now();
    const delivered = await ports.store.lastEventNumber();
    const webhook = { identity, organisation, url, createdAt: now, delivered, failures: 0, nextAttemptAt: now };
    await ports.store.insertWebhook(webhook, claim);
    return { webhook, secret: secretOf(ports, identity) };
  };
  const again = async (identity: string) => {
    const webhook = (await ports.store.listWebhooks(organisation)).find((one) => one.identity === identity);
    if (webhook !== undefined) return { webhook, secret: secretOf(ports, identity) };
    throw new KmsError('conflict', `${identity}, made by the first request with this Idempotency-Key, is deleted`);
  };
  const creation = { operation: 'admin.webhook.create', prefix: 'whk', organisation, claim } as const;
  return administerCreation(ports, caller, creation, make, again);
}

export async function listWebhooks(ports: KmsPorts, caller: Caller): Promise<readonly Webhook[]> {
  const { identity } = await getOrganisation(ports, caller);
  assertAdministrator(ports, caller, identity);
  return ports.store.listWebhooks(identity);
}

/** @throws KmsError forbidden, not-found */
export async function deleteWebhook(ports: KmsPorts, caller: Caller, webhook: string): Promise<void> {
  const { identity: organisation } = await getOrganisation(ports, caller);
  await administer(ports, caller, 'admin.webhook.delete', { target: webhook, organisation }, async () => {
    if (!(await ports.store.deleteWebhook(organisation, webhook)))
      throw new KmsError('not-found', `there is no webhook ${webhook}`);
  });
}

/** Tell the receivers of all webhooks that are due what happened to keys of their organisations. */
export async function deliverWebhooks(ports: KmsPorts, sender: WebhookSender): Promise<void> {
  const { store, clock } = ports;
  await deliverDue<Webhook>({
    clock,
    sender,
    listDue: (now) => store.listDueWebhooks(now),
    claim: (webhook, until) => store.claimWebhook(webhook, until),
    advance: (webhook) => store.advanceWebhook(webhook),
    lastNumber: () => store.lastEventNumber(),
    async listEvents({ organisation, delivered }, limit) {
      const events = await store.listOrganisationEvents(organisation, delivered, limit);
      return events.map((event) => ({ number: event.number, item: describeEvent(event) }));
    },
    secretOf: ({ identity }) => secretOf(ports, identity),
  });
}

/** An event as it travels. */
export function describeEvent({ number, scope, key, kind, version, at }: KeyEvent) {
  return {
    number,
    kind,
    key,
    region: scope.region,
    ...(scope.project === undefined ? {} : { projectId: scope.project }),
    ...(version === undefined ? {} : { version }),
    at: formatInstant(at),
  };
}

/** The secret follows from the key-encryption key, so that none is stored. */
function secretOf({ provider }: KmsPorts, identity: string): Uint8Array {
  return provider.seal('webhook secret', utf8Bytes(identity));
}
