import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import {
  CredentialItem,
  CredentialRequest,
  IdentityPath,
  NewCredentialItem,
  NewWebhookItem,
  OrganisationItem,
  OrganisationRequest,
  RegionItem,
  RegionRequest,
  WebhookItem,
  WebhookRequest,
} from '#kms/api-admin.ts';
import { administratorOf, callerOf, idempotencyKeyOf } from '#kms/http/caller.ts';
import { renderCredential, renderWebhook } from '#kms/http/render-admin.ts';
import { describe } from '#kms/http/route.ts';
import { listOrganisations, listRegions, putOrganisation, putRegion } from '#kms/operations/administer.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { createCredential } from '#kms/operations/create-credential.ts';
import { listCredentials, revokeCredential } from '#kms/operations/credentials.ts';
import { createWebhook, deleteWebhook, listWebhooks } from '#kms/operations/webhooks.ts';
import { encodeBase64 } from '#lib/encoding.ts';

const tag = 'Administration';

/** Organisations, regions, tokens and webhooks, for administrators. */
export const adminRoutes: FastifyPluginAsyncTypebox<{ ports: KmsPorts }> = async (app, { ports }) => {
  app.get(
    '/organisations',
    { schema: describe('List organisations', Type.Array(OrganisationItem), 200, tag) },
    async (request) => [...(await listOrganisations(ports, administratorOf(request)))],
  );

  app.put(
    '/organisations/:identity',
    {
      schema: {
        ...describe('Add or change an organisation', OrganisationItem, 200, tag),
        params: IdentityPath,
        body: OrganisationRequest,
      },
    },
    async (request) => putOrganisation(ports, administratorOf(request), request.params.identity, request.body),
  );

  app.get('/regions', { schema: describe('List regions', Type.Array(RegionItem), 200, tag) }, async (request) => [
    ...(await listRegions(ports, administratorOf(request))),
  ]);

  app.put(
    '/regions/:identity',
    {
      schema: {
        ...describe('Add or change a region', RegionItem, 200, tag),
        params: IdentityPath,
        body: RegionRequest,
      },
    },
    async (request) => putRegion(ports, administratorOf(request), request.params.identity, request.body),
  );

  app.get(
    '/tokens',
    { schema: describe('List tokens and clients', Type.Array(CredentialItem), 200, tag) },
    async (request) => (await listCredentials(ports, administratorOf(request))).map((one) => renderCredential(one)),
  );

  app.post(
    '/tokens',
    {
      schema: {
        ...describe('Make a token, or a client for OAuth2', NewCredentialItem, 201, tag),
        body: CredentialRequest,
      },
    },
    async (request, reply) => {
      const { kind = 'token', ...wanted } = request.body;
      const caller = administratorOf(request);
      const { credential, secret } = await createCredential(
        ports,
        caller,
        { kind, ...wanted },
        idempotencyKeyOf(request),
      );
      const shown = { ...renderCredential(credential), secret: secret.reveal() };
      return reply.code(201).header('cache-control', 'no-store').send(shown);
    },
  );

  app.delete(
    '/tokens/:identity',
    { schema: { ...describe('Revoke a token or client', undefined, 200, tag), params: IdentityPath } },
    async (request, reply) => {
      await revokeCredential(ports, administratorOf(request), request.params.identity);
      return reply.code(204).send();
    },
  );

  app.get('/webhooks', { schema: describe('List webhooks', Type.Array(WebhookItem), 200, tag) }, async (request) =>
    (await listWebhooks(ports, callerOf(request))).map(renderWebhook),
  );

  app.post(
    '/webhooks',
    {
      schema: { ...describe('Tell a URL of key events', NewWebhookItem, 201, tag), body: WebhookRequest },
    },
    async (request, reply) => {
      const { webhook, secret } = await createWebhook(
        ports,
        callerOf(request),
        request.body.url,
        idempotencyKeyOf(request),
      );
      const shown = { ...renderWebhook(webhook), secret: `whsec_${encodeBase64(secret)}` };
      return reply.code(201).header('cache-control', 'no-store').send(shown);
    },
  );

  app.delete(
    '/webhooks/:identity',
    { schema: { ...describe('Delete a webhook', undefined, 200, tag), params: IdentityPath } },
    async (request, reply) => {
      await deleteWebhook(ports, callerOf(request), request.params.identity);
      return reply.code(204).send();
    },
  );
};
