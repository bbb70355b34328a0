import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { toXml } from 'xast-util-to-xml';
import {
  EventsQuery,
  KeyPath,
  ReplacementResponse,
  RolloverRequest,
  SigningStatus,
  StandbyRequest,
  TimelineQuery,
  TimelineResponse,
  ZoneEventItem,
} from '#dnssec/api-signing.ts';
import { ZonePath } from '#dnssec/api-zones.ts';
import { composeTimeline, type TimelineFacts } from '#dnssec/core/timeline/timeline.ts';
import { drawTimeline } from '#dnssec/core/timeline/draw-timeline.ts';
import { claimOf } from '#dnssec/http/once.ts';
import { renderEvent, renderOutage, renderTimeline } from '#dnssec/http/render-rollover.ts';
import { renderSigning } from '#dnssec/http/render-signing.ts';
import { describe, type ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import { abortRollovers } from '#dnssec/operations/zones/abort-rollover.ts';
import { addStandbyKey, retireZoneKey } from '#dnssec/operations/zones/add-standby-key.ts';
import { approveMoves } from '#dnssec/operations/zones/approve-moves.ts';
import { describeSigning } from '#dnssec/operations/zones/describe-signing.ts';
import { listEvents, listZoneEvents } from '#dnssec/operations/zones/list-events.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { onlyOnce } from '#dnssec/operations/zones/once.ts';
import { replaceKeyAtOnce } from '#dnssec/operations/zones/replace-key.ts';
import { startRolloverNow } from '#dnssec/operations/zones/start-rollover.ts';
import { getTimeline } from '#dnssec/operations/zones/zone-timeline.ts';
import type { Caller } from '#dnssec/ports.ts';

const page = 100;

/** What people and programs can see of rollovers, and tell them to do. */
export const rolloverRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  const statusOf = async (caller: Caller, id: string) =>
    renderSigning(await describeSigning(ports, await getOwnZone(ports, caller, id)));

  app.get(
    '/zones/:zone/dnssec/events',
    {
      schema: {
        ...describe('What happened to the keys of a zone, oldest first', Type.Array(ZoneEventItem)),
        params: ZonePath,
        querystring: EventsQuery,
      },
    },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'read');
      const { after = 0, limit = page } = request.query;
      const events = await listZoneEvents(ports, caller, request.params.zone, after, limit);
      const last = events.at(-1);
      if (last !== undefined) void reply.header('x-next-cursor', String(last.number));
      return events.map((event) => renderEvent(event));
    },
  );

  app.get(
    '/events',
    {
      schema: {
        ...describe('What happened to the keys of all zones, oldest first', Type.Array(ZoneEventItem)),
        querystring: EventsQuery,
      },
    },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'read');
      const { after = 0, limit = page } = request.query;
      const events = await listEvents(ports, caller, after, limit);
      const last = events.at(-1);
      if (last !== undefined) void reply.header('x-next-cursor', String(last.event.number));
      return events.map(({ event, zone }) => renderEvent(event, zone));
    },
  );

  app.get(
    '/zones/:zone/dnssec/timeline',
    {
      schema: {
        summary: 'Past and planned transitions of the keys of a zone, as data or as a picture',
        tags: ['Zones'],
        produces: ['application/json', 'image/svg+xml'],
        response: { 200: { content: { 'application/json': { schema: TimelineResponse } } } },
        params: ZonePath,
        querystring: TimelineQuery,
      },
    },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'read');
      const facts = await getTimeline(ports, caller, request.params.zone);
      return request.query.format === 'svg' ? sendPicture(reply, facts) : reply.send(renderTimeline(facts));
    },
  );

  app.post(
    '/zones/:zone/dnssec/rollovers',
    {
      schema: {
        ...describe('Have the KMS make new versions of the keys, and roll over to them', SigningStatus),
        params: ZonePath,
        body: RolloverRequest,
      },
    },
    async (request) => {
      const admitted = await callers.admit(request, 'write');
      const { caller } = admitted;
      const claim = claimOf(request, admitted);
      const wanted = { role: request.body?.role, claim };
      await onlyOnce(ports, claim, () => startRolloverNow(ports, caller, request.params.zone, wanted));
      return statusOf(caller, request.params.zone);
    },
  );

  app.delete(
    '/zones/:zone/dnssec/rollovers',
    { schema: { ...describe('Turn the rollovers round that are under way', SigningStatus), params: ZonePath } },
    async (request) => {
      const { caller } = await callers.admit(request, 'write');
      await abortRollovers(ports, caller, request.params.zone);
      return statusOf(caller, request.params.zone);
    },
  );

  app.post(
    '/zones/:zone/dnssec/approve',
    { schema: { ...describe('Allow the steps that wait for a person now', SigningStatus), params: ZonePath } },
    async (request) => {
      const admitted = await callers.admit(request, 'write');
      const { caller } = admitted;
      const claim = claimOf(request, admitted);
      await onlyOnce(ports, claim, () => approveMoves(ports, caller, request.params.zone, claim));
      return statusOf(caller, request.params.zone);
    },
  );

  app.post(
    '/zones/:zone/dnssec/keys',
    {
      schema: {
        ...describe('Add a standby key, which can take over at any time', SigningStatus),
        params: ZonePath,
        body: StandbyRequest,
      },
    },
    async (request) => {
      const admitted = await callers.admit(request, 'write');
      const { caller } = admitted;
      const { zone } = request.params;
      await onlyOnce(ports, claimOf(request, admitted), () =>
        addStandbyKey(ports, caller, zone, request.body?.kmsKeyIdentity),
      );
      return statusOf(caller, request.params.zone);
    },
  );

  app.delete(
    '/zones/:zone/dnssec/keys/:key',
    { schema: { ...describe('Let a key go that others make up for', SigningStatus), params: KeyPath } },
    async (request) => {
      const { caller } = await callers.admit(request, 'write');
      const { zone, key } = request.params;
      await retireZoneKey(ports, caller, zone, key);
      return statusOf(caller, zone);
    },
  );

  app.post(
    '/zones/:zone/dnssec/keys/:key/replace',
    {
      schema: {
        ...describe('Replace a key at once that was lost or can no longer be trusted', ReplacementResponse),
        params: KeyPath,
      },
    },
    async (request) => {
      const admitted = await callers.admit(request, 'write');
      const { caller, identity: principal } = admitted;
      const { zone, key } = request.params;
      const claim = claimOf(request, admitted);
      const cause = { reason: 'key replaced at once', principal, claim };
      const outage = await onlyOnce(ports, claim, () => replaceKeyAtOnce(ports, caller, zone, key, cause));
      const status = await statusOf(caller, zone);
      return { ...(outage === undefined ? {} : { outage: renderOutage(outage) }), status };
    },
  );
};

function sendPicture(reply: FastifyReply, facts: TimelineFacts): FastifyReply {
  return reply.type('image/svg+xml; charset=utf-8').send(toXml(drawTimeline(composeTimeline(facts))));
}
