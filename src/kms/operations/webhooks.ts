import { KmsError } from '#kms/core/errors.ts';
import type { KeyEvent } from '#kms/core/key.ts';
import { signDelivery } from '#kms/core/webhook-signature.ts';
import { administer, administerCreation, assertAdministrator } from '#kms/operations/administer.ts';
import { type Caller, getOrganisation, type KmsPorts } from '#kms/operations/context.ts';
import { claimOf } from '#kms/operations/idempotency.ts';
import type { WebhookSender } from '#kms/ports/webhook-sender.ts';
import type { Webhook } from '#kms/ports/webhook-store.ts';
import { utf8Bytes } from '#lib/bytes.ts';
import { formatInstant } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';

/** Events of one delivery. */
const mostTogether = 100;
/** Milliseconds for which a process has a webhook to itself. */
const claimTime = 60_000;
const firstPause = 5000;
const longestPause = 3_600_000;

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
    const parsed = URL.parse(url);
    if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.password !== '')
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

/**
 * Deliver what is due, each webhook in the order of the events and at least once. One that fails is tried again after a
 * pause that doubles up to an hour; nothing is given up.
 */
export async function deliverWebhooks(ports: KmsPorts, sender: WebhookSender): Promise<void> {
  const due = await ports.store.listDueWebhooks(ports.clock.now());
  await Promise.all(due.map((webhook) => deliver(ports, sender, webhook)));
}

async function deliver(ports: KmsPorts, sender: WebhookSender, webhook: Webhook): Promise<void> {
  const { store, clock } = ports;
  if (!(await store.claimWebhook(webhook, clock.now() + claimTime))) return;
  const events = await store.listOrganisationEvents(webhook.organisation, webhook.delivered, mostTogether);
  const last = events.at(-1)?.number;
  if (last === undefined) {
    // All events since are of other organisations.
    await store.advanceWebhook({ ...webhook, delivered: await store.lastEventNumber(), nextAttemptAt: clock.now() });
    return;
  }
  const body = JSON.stringify({ events: events.map(describeEvent) });
  const seconds = Math.floor(clock.now() / 1000);
  const id = `${webhook.identity}-${webhook.delivered + 1}`;
  const { lastError: _, ...unfailed } = webhook;
  try {
    await sender.send(webhook.url, { ...signDelivery(id, seconds, body, secretOf(ports, webhook.identity)) }, body);
    await store.advanceWebhook({ ...unfailed, delivered: last, failures: 0, nextAttemptAt: clock.now() });
  } catch (error) {
    const failures = webhook.failures + 1;
    const pause = Math.min(firstPause * 2 ** Math.min(failures - 1, 20), longestPause);
    const lastError = messageOf(error).slice(0, 500);
    await store.advanceWebhook({ ...unfailed, failures, nextAttemptAt: clock.now() + pause, lastError });
  }
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
