import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { EventsQuery, KeyEventItem, maxPage } from '#kms/api.ts';
import { callerOf } from '#kms/http/caller.ts';
import { describe, RegionPath } from '#kms/http/route.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { type EventBell, followEvents } from '#kms/operations/follow-events.ts';
import { describeEvent } from '#kms/operations/webhooks.ts';

/** Key events, for those who follow them. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ ports: KmsPorts; bell: EventBell }> = async (
  app,
  { ports, bell },
) => {
  app.get(
    '/:region/events',
    {
      schema: {
        ...describe('Key events after a number, or the next one', Type.Array(KeyEventItem)),
        params: RegionPath,
        querystring: EventsQuery,
      },
    },
    async (request, reply) => {
      const { after = 0, limit = maxPage, wait = 0 } = request.query;
      const caller = callerOf(request);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const call = { after, limit, wait: wait * 1000, signal: gone.signal };
      const events = await followEvents(ports, bell, caller, request.params.region, call);
      const last = events.at(-1);
      if (last !== undefined) void reply.header('x-next-cursor', String(last.number));
      return events.map(describeEvent);
    },
  );
};
