import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { DisableQuery, DsStatement, SigningRequest, SigningStatus, ZoneKeyItem } from '#dnssec/api-signing.ts';
import { SigningPreviewItem } from '#dnssec/api-policies.ts';
import { DryRunQuery, ZonePath } from '#dnssec/api-zones.ts';
import { foreignKeyRoutes } from '#dnssec/http/foreign-key-routes.ts';
import { policyRoutes, renderEffect } from '#dnssec/http/policy-routes.ts';
import { renderKeys, renderSigning } from '#dnssec/http/render-signing.ts';
import { rolloverRoutes } from '#dnssec/http/rollover-routes.ts';
import { describe, type ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import { runWhereItFits } from '#dnssec/operations/zones/apart.ts';
import { describeSigning } from '#dnssec/operations/zones/describe-signing.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { stateDs } from '#dnssec/operations/zones/state-ds.ts';
import type { Caller } from '#dnssec/ports.ts';

/** The routes of `/v1/dns/zones/{zone}/dnssec`. */
export const signingRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  await app.register(rolloverRoutes, { ports, callers });
  await app.register(policyRoutes, { ports, callers });
  await app.register(foreignKeyRoutes, { ports, callers });

  const described = async (caller: Caller, id: string) => describeSigning(ports, await getOwnZone(ports, caller, id));

  app.get(
    '/zones/:zone/dnssec',
    { schema: { ...describe('How the signing of a zone stands', SigningStatus), params: ZonePath } },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      return renderSigning(await described(caller, request.params.zone));
    },
  );

  app.put(
    '/zones/:zone/dnssec',
    {
      schema: {
        ...describe(
          'Sign a zone from now on, or see what that would do',
          Type.Union([SigningStatus, SigningPreviewItem]),
        ),
        params: ZonePath,
        querystring: DryRunQuery,
        body: SigningRequest,
      },
    },
    async (request) => {
      const { caller, identity } = await callers.admit(request, 'write');
      const { zone } = request.params;
      const { id } = await getOwnZone(ports, caller, zone);
      if (request.query.dryRun === true) {
        const { policy, ...effect } = await runWhereItFits(ports, id, 'previewSigning', [caller, zone, request.body]);
        return { policy: { ...policy }, ...renderEffect(effect) };
      }
      const cause = { reason: 'signing switched on', principal: identity };
      await runWhereItFits(ports, id, 'enableSigning', [caller, zone, request.body, cause]);
      return renderSigning(await described(caller, request.params.zone));
    },
  );

  app.delete(
    '/zones/:zone/dnssec',
    {
      schema: {
        ...describe('Publish a zone unsigned: at once, or when no resolver can hold a DS of it any more'),
        params: ZonePath,
        querystring: DisableQuery,
      },
    },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'write');
      const { zone } = request.params;
      const { id } = await getOwnZone(ports, caller, zone);
      await runWhereItFits(ports, id, 'disableSigning', [caller, zone, request.query.handedOver === true]);
      return reply.code(204).send();
    },
  );

  app.get(
    '/zones/:zone/dnssec/keys',
    {
      schema: { ...describe('The keys of a zone, and what they wait for', Type.Array(ZoneKeyItem)), params: ZonePath },
    },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      const found = await described(caller, request.params.zone);
      return found === undefined ? [] : renderKeys(found);
    },
  );

  const statements = [
    ['ds-seen', 'everywhere', 'Say that all servers of the parent have a DS'],
    ['ds-gone', 'nowhere', 'Say that no server of the parent has a DS any more'],
  ] as const;
  for (const [path, kind, summary] of statements) {
    app.post(
      `/zones/:zone/dnssec/${path}`,
      { schema: { ...describe(summary, SigningStatus), params: ZonePath, body: DsStatement } },
      async (request) => {
        const { caller } = await callers.admit(request, 'write');
        const { zone } = request.params;
        await stateDs(ports, caller, zone, request.body ?? {}, kind);
        return renderSigning(await described(caller, zone));
      },
    );
  }
};
