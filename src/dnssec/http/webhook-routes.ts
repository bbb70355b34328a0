import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { formatInstant } from '#lib/clock.ts';
import { encodeBase64 } from '#lib/encoding.ts';
import { NewZoneWebhookItem, ZoneWebhookItem, ZoneWebhookPath, ZoneWebhookRequest } from '#dnssec/api-webhooks.ts';
import type { ZoneCallers } from '#dnssec/http/zone-caller.ts';
import { describe } from '#dnssec/http/zone-route.ts';
import { createWebhook, deleteWebhook, listWebhooks } from '#dnssec/operations/zones/webhooks.ts';
import type { WebhookPorts, ZoneWebhook } from '#dnssec/ports-webhooks.ts';

export interface WebhookRoutesOptions {
  readonly webhooks: WebhookPorts;
  readonly callers: ZoneCallers;
}

/** `/v1/dns/webhooks`: who is told of what happens to the keys of a caller's zones. */
export const webhookRoutes: FastifyPluginAsyncTypebox<WebhookRoutesOptions> = async (app, { webhooks, callers }) => {
  app.get(
    '/webhooks',
    { schema: describe('List webhooks of zone events, and how far each has come', Type.Array(ZoneWebhookItem)) },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      return (await listWebhooks(webhooks, caller)).map(renderWebhook);
    },
  );

  app.post(
    '/webhooks',
    { schema: { ...describe('Tell a URL of zone events', NewZoneWebhookItem, 201), body: ZoneWebhookRequest } },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'write');
      const { webhook, secret } = await createWebhook(webhooks, caller, request.body);
      const shown = { ...renderWebhook(webhook), secret: `whsec_${encodeBase64(secret)}` };
      return reply.code(201).header('cache-control', 'no-store').send(shown);
    },
  );

  app.delete(
    '/webhooks/:webhook',
    { schema: { ...describe('Delete a webhook of zone events'), params: ZoneWebhookPath } },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'write');
      await deleteWebhook(webhooks, caller, request.params.webhook);
      return reply.code(204).send();
    },
  );
};

function renderWebhook(webhook: ZoneWebhook): ZoneWebhookItem {
  const { identity, url, kinds, createdAt, delivered, failures, nextAttemptAt, lastError } = webhook;
  return {
    identity,
    url,
    ...(kinds === undefined ? {} : { kinds: [...kinds] }),
    createdAt: formatInstant(createdAt),
    delivered,
    failures,
    ...(failures === 0 ? {} : { nextAttemptAt: formatInstant(nextAttemptAt) }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}
