import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { formatInstant } from '#lib/clock.ts';
import { FeedRequest, FeedStatus, ZonePath } from '#dnssec/api-zones.ts';
import type { ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import { deleteFeed, getFeed, setFeed } from '#dnssec/operations/zones/set-feed.ts';
import type { ZoneFeed } from '#dnssec/ports-transfer.ts';

/** Where zones come from besides the API: primaries whose zones are signed on the way, and dynamic updates. */
export const zoneFeedRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  const tags = ['Zones'];
  app.get(
    '/zones/:zone/feed',
    {
      schema: {
        summary: 'Where a zone comes from, and how far it has come',
        tags,
        params: ZonePath,
        response: { 200: FeedStatus },
      },
    },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      return renderFeed(await getFeed(ports, caller, request.params.zone));
    },
  );

  app.put(
    '/zones/:zone/feed',
    {
      schema: {
        summary: 'Get a zone from its primaries from now on, or let it be changed by dynamic updates',
        tags,
        params: ZonePath,
        body: FeedRequest,
        response: { 200: FeedStatus },
      },
    },
    async (request) => {
      const { caller } = await callers.admit(request, 'write');
      const { primaries = [], updateKeys = [] } = request.body;
      return renderFeed(await setFeed(ports, caller, request.params.zone, { primaries, updateKeys }));
    },
  );

  app.delete(
    '/zones/:zone/feed',
    { schema: { summary: 'Let a zone be changed by the API alone', tags, params: ZonePath } },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'write');
      await deleteFeed(ports, caller, request.params.zone);
      return reply.code(204).send();
    },
  );
};

function renderFeed({ primaries, updateKeys, serial, freshAt, dueAt, lastError }: ZoneFeed): FeedStatus {
  return {
    primaries: [...primaries],
    updateKeys: [...updateKeys],
    ...(serial === undefined ? {} : { serial }),
    ...(freshAt === undefined ? {} : { freshAt: formatInstant(freshAt) }),
    ...(dueAt === undefined ? {} : { nextFetchAt: formatInstant(dueAt * 1000) }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}
