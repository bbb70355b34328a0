import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { formatInstant } from '#lib/clock.ts';
import {
  ApplyQuery,
  ApplyResponse,
  PolicyItem,
  PolicyPath,
  PolicyRequest,
  PolicyVersionQuery,
} from '#dnssec/api-policies.ts';
import type { PolicyChange, PolicyEffect } from '#dnssec/core/managed/compare-policies.ts';
import { describe, type ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import { applyPolicy } from '#dnssec/operations/zones/apply-policy.ts';
import { scopeOf } from '#dnssec/operations/zones/manage-zones.ts';
import { getPolicy, listPolicies, putPolicy } from '#dnssec/operations/zones/policies.ts';
import type { NamedPolicy } from '#dnssec/ports-policies.ts';

const page = 100;

/** The routes of `/v1/dns/policies`. */
export const policyRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  app.get(
    '/policies',
    { schema: describe('List the newest version of each policy', Type.Array(PolicyItem)) },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      return (await listPolicies(ports, caller)).map(renderPolicy);
    },
  );

  app.get(
    '/policies/:policy',
    { schema: { ...describe('Get a policy', PolicyItem), params: PolicyPath, querystring: PolicyVersionQuery } },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      return renderPolicy(await getPolicy(ports, scopeOf(caller), request.params.policy, request.query.version));
    },
  );

  app.put(
    '/policies/:policy',
    {
      schema: {
        ...describe('Write a new version of a policy, which no zone has until it is applied', PolicyItem),
        params: PolicyPath,
        body: PolicyRequest,
      },
    },
    async (request) => {
      const { caller, identity } = await callers.admit(request, 'write');
      return renderPolicy(await putPolicy(ports, caller, request.params.policy, request.body, identity));
    },
  );

  app.post(
    '/policies/:policy/apply',
    {
      schema: {
        ...describe(
          'Give zones the newest version of the policy that they name, or see what that would do',
          ApplyResponse,
        ),
        params: PolicyPath,
        querystring: ApplyQuery,
      },
    },
    async (request) => {
      const { caller, identity } = await callers.admit(request, 'write');
      const { dryRun = false, limit = page } = request.query;
      const { policy } = request.params;
      const cause = { reason: `newest version of policy ${policy}`, principal: identity };
      const { version, zones, left } = await applyPolicy(ports, caller, policy, { limit, dryRun }, cause);
      const rendered = zones.map(({ zone, from, ...effect }) => {
        return { zone: zone.identity, name: zone.name, from, ...renderEffect(effect) };
      });
      return { version, dryRun, zones: rendered, left };
    },
  );
};

function renderPolicy({ createdAt, version, policy, ...rest }: NamedPolicy): PolicyItem {
  return {
    ...rest,
    version,
    ...(version === 0 ? {} : { createdAt: formatInstant(createdAt) }),
    policy: { ...policy },
  };
}

/** Show what a policy does to a zone. */
export function renderEffect({
  changes,
  effects,
  faults,
}: {
  readonly changes: readonly PolicyChange[];
  readonly effects: readonly PolicyEffect[];
  readonly faults: readonly string[];
}) {
  return { changes: changes.map((change) => ({ ...change })), effects: [...effects], faults: [...faults] };
}
