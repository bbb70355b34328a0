import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { ZonesSummary } from '#dnssec/api-zones.ts';
import { describe, type ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import { summariseZones, type ZoneRunway } from '#dnssec/operations/zones/summarise-zones.ts';

/** `/v1/dns/summary`: how all zones of a caller stand, for those who watch over them. */
export const summaryRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  app.get(
    '/summary',
    { schema: describe('How many zones there are, and which run out of signatures first', ZonesSummary) },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      const { shortest, low, lowCount, ...counts } = await summariseZones(ports, caller);
      return {
        ...counts,
        ...(shortest === undefined ? {} : { shortestRunway: render(shortest) }),
        lowRunways: low.map(render),
        lowRunwayCount: lowCount,
      };
    },
  );
};

function render({ zone: { identity, name, signing }, seconds }: ZoneRunway): ZonesSummary['lowRunways'][number] {
  const lastSignError = signing?.lastSignError;
  return { identity, name, runwaySeconds: seconds, ...(lastSignError === undefined ? {} : { lastSignError }) };
}
