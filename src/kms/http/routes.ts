import type { FastifyPluginAsync } from 'fastify';
import { adminRoutes } from '#kms/http/admin-routes.ts';
import { auditRoutes } from '#kms/http/audit-routes.ts';
import { limitBodies } from '#kms/http/body-budget.ts';
import { identifyCallers } from '#kms/http/caller.ts';
import { cryptoRoutes } from '#kms/http/crypto-routes.ts';
import { eventRoutes } from '#kms/http/event-routes.ts';
import { keyRoutes } from '#kms/http/key-routes.ts';
import { oidcRoutes } from '#kms/http/oidc-routes.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import type { EventBell } from '#kms/operations/follow-events.ts';

/** Every route of the module, from the root of the service. */
export const kmsRoutes: FastifyPluginAsync<{ ports: KmsPorts; bell: EventBell }> = async (app, { ports, bell }) => {
  await app.register(async (scope) => {
    identifyCallers(scope, ports);
    limitBodies(scope);
    await scope.register(keyRoutes, { prefix: '/v1/kms', ports });
    await scope.register(cryptoRoutes, { prefix: '/v1/kms', ports });
    await scope.register(eventRoutes, { prefix: '/v1/kms', ports, bell });
    await scope.register(adminRoutes, { prefix: '/v1/admin', ports });
    await scope.register(auditRoutes, { prefix: '/v1', ports });
  });
  await app.register(oidcRoutes, { prefix: '/oidc', ports });
};
