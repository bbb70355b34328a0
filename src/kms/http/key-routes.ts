import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import {
  CreateKeyRequest,
  KmsKey,
  ListKeysQuery,
  PublicKeyQuery,
  PublicKeys,
  RotationRequest,
  Summary,
  WrappingKeyResponse,
} from '#kms/api.ts';
import { parseKeyVersion } from '#kms/core/formats.ts';
import { formatSpki, parsePublicKeyFormat } from '#kms/core/public-key.ts';
import { callerOf, idempotencyKeyOf } from '#kms/http/caller.ts';
import { formatKeyCursor, labelFilter, parseKeyCursor, readNewKey } from '#kms/http/key-bodies.ts';
import { wrappingAlgorithm } from '#kms/core/wrapping.ts';
import { renderKey, renderSummary } from '#kms/http/render.ts';
import { describe, emptyBodyAllowed, KeyPath, RegionPath } from '#kms/http/route.ts';
import {
  cancelKeyDeletion,
  changeKeyRotation,
  deleteKey,
  disableKey,
  enableKey,
  rotateKey,
} from '#kms/operations/change-key.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { createKey } from '#kms/operations/create-key.ts';
import { getKey, getPublicKeys, listKeys, summarise } from '#kms/operations/read-keys.ts';
import { readWrappingKey } from '#kms/operations/wrapping-key.ts';

/** Keys and their life: each route reads a request, calls one operation and shows its result. */
export const keyRoutes: FastifyPluginAsyncTypebox<{ ports: KmsPorts }> = async (app, { ports }) => {
  app.get('/summary', { schema: describe('Whether KMS is enabled, and where', Summary) }, async (request) =>
    renderSummary(await summarise(ports, callerOf(request))),
  );

  app.get(
    '/:region/keys',
    { schema: { ...describe('List keys', Type.Array(KmsKey)), params: RegionPath, querystring: ListKeysQuery } },
    async (request, reply) => {
      const { limit, after, ...filter } = request.query;
      const { keys, organisation } = await listKeys(
        ports,
        callerOf(request),
        request.params.region,
        { ...filter, labels: labelFilter(request.query) },
        { limit, after: after === undefined ? undefined : parseKeyCursor(after) },
      );
      addCursor(reply, keys, limit, formatKeyCursor);
      return keys.map((key) => renderKey(key, organisation));
    },
  );

  app.post(
    '/:region/keys',
    { schema: { ...describe('Create or import a key', KmsKey, 201), params: RegionPath, body: CreateKeyRequest } },
    async (request, reply) => {
      const caller = callerOf(request);
      const { region } = request.params;
      const created = await createKey(ports, caller, region, readNewKey(request.body), idempotencyKeyOf(request));
      return reply.code(201).send(renderKey(created.key, created.organisation));
    },
  );

  app.get('/:region/keys/:id', { schema: { ...describe('Get a key', KmsKey), params: KeyPath } }, async (request) => {
    const { region, id } = request.params;
    const { key, organisation } = await getKey(ports, callerOf(request), region, id);
    return renderKey(key, organisation);
  });

  app.get(
    '/:region/wrapping-key',
    { schema: { ...describe('The key under which to wrap imports', WrappingKeyResponse), params: RegionPath } },
    async (request) => {
      const caller = callerOf(request);
      const { publicKey } = await readWrappingKey(ports, caller, request.params.region);
      return { publicKey: formatSpki(publicKey), algorithm: wrappingAlgorithm };
    },
  );

  app.get(
    '/:region/keys/:id/public-key',
    { schema: { ...describe('Export public keys', PublicKeys), params: KeyPath, querystring: PublicKeyQuery } },
    async (request) => {
      const { region, id } = request.params;
      const { version, format } = request.query;
      const keys = await getPublicKeys(
        ports,
        callerOf(request),
        region,
        id,
        version === undefined ? undefined : parseKeyVersion(version, 'version'),
        format === undefined ? undefined : parsePublicKeyFormat(format),
      );
      return { keys: Object.fromEntries([...keys].map(([number, text]) => [String(number), text])) };
    },
  );

  app.patch(
    '/:region/keys/:id/rotation',
    {
      ...emptyBodyAllowed,
      schema: { ...describe('Change the automatic rotation', KmsKey), params: KeyPath, body: RotationRequest },
    },
    async (request) => {
      const { region, id } = request.params;
      const caller = callerOf(request);
      const { key, organisation } = await changeKeyRotation(ports, caller, region, id, request.body);
      return renderKey(key, organisation);
    },
  );

  const changes = [
    { method: 'POST', path: '/rotate', summary: 'Make a new version', operation: rotateKey },
    { method: 'POST', path: '/disable', summary: 'Disable a key', operation: disableKey },
    { method: 'POST', path: '/enable', summary: 'Enable a key', operation: enableKey },
    {
      method: 'DELETE',
      path: '/cancel-deletion',
      summary: 'Cancel the deletion of a key',
      operation: cancelKeyDeletion,
    },
    { method: 'DELETE', path: '', summary: 'Delete a key after 30 days', operation: deleteKey },
  ] as const;
  for (const { method, path, summary, operation } of changes) {
    app.route<{ Params: { region: string; id: string } }>({
      method,
      url: `/:region/keys/:id${path}`,
      schema: { ...describe(summary, KmsKey), params: KeyPath },
      handler: async (request) => {
        const { region, id } = request.params;
        const caller = callerOf(request);
        const { key, organisation } = await operation(ports, caller, region, id, idempotencyKeyOf(request));
        return renderKey(key, organisation);
      },
    });
  }
};

/** Name the last item of a full page, after which the next one begins. */
export function addCursor<Value>(
  reply: FastifyReply,
  items: readonly Value[],
  limit: number | undefined,
  format: (last: Value) => string,
): void {
  const last = items.at(-1);
  if (last !== undefined && items.length === limit) void reply.header('x-next-cursor', format(last));
}
