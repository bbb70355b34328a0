import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import {
  CreateKeyRequest,
  KmsKey,
  ListKeysQuery,
  PublicKeyQuery,
  PublicKeys,
  RotationRequest,
  SignRequest,
  Summary,
  VerifyRequest,
} from '#kms/api.ts';
import { KmsError } from '#kms/core/errors.ts';
import { parseKeyVersion } from '#kms/core/formats.ts';
import { parsePublicKeyFormat } from '#kms/core/public-key.ts';
import { callerOf, idempotencyKeyOf } from '#kms/http/caller.ts';
import { renderKey, renderSummary } from '#kms/http/render.ts';
import {
  goodItems,
  mergeOutcomes,
  renderItemError,
  renderSignatures,
  signatureOptions,
  signInputs,
  signVersion,
  verifyItems,
} from '#kms/http/signature-bodies.ts';
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
import { sign, verify } from '#kms/operations/sign.ts';

/** Octets of a batch. */
const batchBodyLimit = 64 * 1024 * 1024;

const RegionPath = Type.Object({ region: Type.String({ maxLength: 255 }) });
const KeyPath = Type.Object({ region: Type.String({ maxLength: 255 }), id: Type.String({ maxLength: 255 }) });

/** The routes of `/v1/kms`: each reads a request, calls one operation and shows its result. */
export const kmsRoutes: FastifyPluginAsyncTypebox<{ ports: KmsPorts }> = async (app, { ports }) => {
  app.get('/summary', { schema: describe('Whether KMS is enabled, and where', Summary) }, async (request) =>
    renderSummary(await summarise(ports, await callerOf(ports, request))),
  );

  app.get(
    '/:region/keys',
    { schema: { ...describe('List keys', Type.Array(KmsKey)), params: RegionPath, querystring: ListKeysQuery } },
    async (request) => {
      const filter = { ...request.query, labels: labelFilter(request.query) };
      const { keys, organisation } = await listKeys(
        ports,
        await callerOf(ports, request),
        request.params.region,
        filter,
      );
      return keys.map((key) => renderKey(key, organisation));
    },
  );

  app.post(
    '/:region/keys',
    { schema: { ...describe('Create a key', KmsKey, 201), params: RegionPath, body: CreateKeyRequest } },
    async (request, reply) => {
      const caller = await callerOf(ports, request);
      const created = await createKey(ports, caller, request.params.region, request.body, idempotencyKeyOf(request));
      return reply.code(201).send(renderKey(created.key, created.organisation));
    },
  );

  app.get('/:region/keys/:id', { schema: { ...describe('Get a key', KmsKey), params: KeyPath } }, async (request) => {
    const { key, organisation } = await getKey(
      ports,
      await callerOf(ports, request),
      request.params.region,
      request.params.id,
    );
    return renderKey(key, organisation);
  });

  app.get(
    '/:region/keys/:id/public-key',
    { schema: { ...describe('Export public keys', PublicKeys), params: KeyPath, querystring: PublicKeyQuery } },
    async (request) => {
      const { region, id } = request.params;
      const { version, format } = request.query;
      const keys = await getPublicKeys(
        ports,
        await callerOf(ports, request),
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
    { schema: { ...describe('Change the automatic rotation', KmsKey), params: KeyPath, body: RotationRequest } },
    async (request) => {
      const { region, id } = request.params;
      const { key, organisation } = await changeKeyRotation(
        ports,
        await callerOf(ports, request),
        region,
        id,
        request.body,
      );
      return renderKey(key, organisation);
    },
  );

  const changes = [
    { method: 'POST', path: 'rotate', summary: 'Make a new version', operation: rotateKey },
    { method: 'POST', path: 'disable', summary: 'Disable a key', operation: disableKey },
    { method: 'POST', path: 'enable', summary: 'Enable a key', operation: enableKey },
    {
      method: 'DELETE',
      path: 'cancel-deletion',
      summary: 'Cancel the deletion of a key',
      operation: cancelKeyDeletion,
    },
    { method: 'DELETE', path: '', summary: 'Delete a key after 30 days', operation: deleteKey },
  ] as const;
  for (const { method, path, summary, operation } of changes) {
    app.route<{ Params: { region: string; id: string } }>({
      method,
      url: `/:region/keys/:id${path === '' ? '' : `/${path}`}`,
      schema: { ...describe(summary, KmsKey), params: KeyPath },
      handler: async (request) => {
        const { region, id } = request.params;
        const caller = await callerOf(ports, request);
        const { key, organisation } = await operation(ports, caller, region, id, idempotencyKeyOf(request));
        return renderKey(key, organisation);
      },
    });
  }

  app.post(
    '/:region/keys/:id/sign',
    {
      bodyLimit: batchBodyLimit,
      schema: { ...describe('Sign an input, or a batch'), params: KeyPath, body: SignRequest },
    },
    async (request, reply) => {
      const { region, id } = request.params;
      const caller = await callerOf(ports, request);
      const items = signInputs(request.body);
      const call = {
        inputs: goodItems(items),
        version: signVersion(request.body),
        options: signatureOptions(request.body),
      };
      const signatures = await sign(ports, caller, region, id, call);
      const results = renderSignatures(signatures, mergeOutcomes(items, signatures.outcomes), request.body);
      return sendResults(reply, results, request.body.batch !== undefined, mergeOutcomes(items, signatures.outcomes));
    },
  );

  app.post(
    '/:region/keys/:id/verify',
    {
      bodyLimit: batchBodyLimit,
      schema: { ...describe('Verify a signature, or a batch'), params: KeyPath, body: VerifyRequest },
    },
    async (request, reply) => {
      const { region, id } = request.params;
      const caller = await callerOf(ports, request);
      const items = verifyItems(request.body);
      const outcomes = mergeOutcomes(
        items,
        await verify(ports, caller, region, id, { items: goodItems(items), options: signatureOptions(request.body) }),
      );
      const results = outcomes.map((outcome) =>
        outcome instanceof KmsError ? renderItemError(outcome) : { valid: outcome },
      );
      return sendResults(reply, results, request.body.batch !== undefined, outcomes);
    },
  );
};

/** Answer a batch with all results, and a single call with its one, whose failure is the call's. */
function sendResults<Reply extends { type: (type: string) => Reply; send: (body: string) => Reply }>(
  reply: Reply,
  results: readonly object[],
  isBatch: boolean,
  outcomes: readonly unknown[],
): Reply {
  const [first] = outcomes;
  if (!isBatch && first instanceof KmsError) throw first;
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(isBatch ? { results } : results[0]));
}

function describe<Answer extends TSchema>(summary: string, answer?: Answer, status = 200) {
  return { summary, tags: ['KMS'], ...(answer === undefined ? {} : { response: { [status]: answer } }) };
}

/** Collect `matchLabels[key]=value` of a query. */
function labelFilter(query: FastifyRequest['query']): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(query as Record<string, unknown>)) {
    const label = /^matchLabels\[(.+)\]$/.exec(name)?.[1];
    if (label !== undefined && typeof value === 'string') labels[label] = value;
  }
  return labels;
}
