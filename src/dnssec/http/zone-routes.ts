import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { formatInstant } from '#lib/clock.ts';
import { formatRecord } from '#dns/zone-file/print.ts';
import {
  ChangesRequest,
  ChangesResponse,
  CreateRecordRequest,
  CreateZoneRequest,
  DescribeZoneRequest,
  DifferencesResponse,
  DnsRecord,
  DnsZone,
  DryRunQuery,
  ListRecordsQuery,
  ListVersionsQuery,
  ListZonesQuery,
  NamedRecordPath,
  RecordPath,
  UpdateRecordRequest,
  VersionPath,
  WorkResponse,
  ZonePath,
  ZoneVersionItem,
} from '#dnssec/api-zones.ts';
import { formatFault } from '#dnssec/core/zone/faults.ts';
import { claimOf } from '#dnssec/http/once.ts';
import { renderRecord, renderVersion, renderZone } from '#dnssec/http/render-zones.ts';
import {
  formatRecordCursor,
  formatZoneCursor,
  parseLabelFilter,
  parseRecordCursor,
  parseZoneCursor,
} from '#dnssec/http/zone-queries.ts';
import { isPages, sendList } from '#dnssec/http/long-list.ts';
import { signingRoutes } from '#dnssec/http/signing-routes.ts';
import { zoneFileRoutes } from '#dnssec/http/zone-file-routes.ts';
import { describe, type ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import {
  changeRecords,
  deleteRecord,
  getRecord,
  type RecordAddress,
  updateRecord,
} from '#dnssec/operations/zones/change-records.ts';
import { listAllRecords, listRecords } from '#dnssec/operations/zones/list-records.ts';
import { createZone, deleteZone, describeZone, getOwnZone, listZones } from '#dnssec/operations/zones/manage-zones.ts';
import { onlyOnce } from '#dnssec/operations/zones/once.ts';
import { getDifferences, listVersions, rollBack } from '#dnssec/operations/zones/zone-history.ts';
import { getWork } from '#dnssec/operations/zones/work-progress.ts';
import type { StoredRRset } from '#dnssec/ports-zones.ts';

/** Octets of the changes of one request. */
const changesLimit = 256 * 1024 * 1024;

/** The routes of `/v1/dns`: each reads a request, calls one operation and shows its result. */
export const zoneRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  app.get(
    '/zones',
    { schema: { ...describe('List zones', Type.Array(DnsZone)), querystring: ListZonesQuery } },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'read');
      const { name, identity, slug, limit = Infinity, after } = request.query;
      const filter = { name, identity, slug, labels: parseLabelFilter(request.query) };
      const start = after === undefined ? undefined : parseZoneCursor(after);
      const zones = await listZones(ports, caller, filter, limit, start);
      const last = zones.at(-1);
      if (last !== undefined && zones.length === limit) void reply.header('x-next-cursor', formatZoneCursor(last));
      return zones.map(renderZone);
    },
  );

  app.post(
    '/zones',
    { schema: { ...describe('Create a zone', DnsZone, 201), body: CreateZoneRequest } },
    async (request, reply) => {
      const admitted = await callers.admit(request, 'write');
      const { caller, identity: principal } = admitted;
      const claim = claimOf(request, admitted);
      const cause = { reason: 'zone created', principal, claim };
      const zone = await onlyOnce(ports, claim, () => createZone(ports, caller, request.body, cause));
      return reply.code(201).send(renderZone(zone));
    },
  );

  app.get('/zones/:zone', { schema: { ...describe('Get a zone', DnsZone), params: ZonePath } }, async (request) => {
    const { caller } = await callers.admit(request, 'read');
    return renderZone(await getOwnZone(ports, caller, request.params.zone));
  });

  app.put(
    '/zones/:zone',
    {
      schema: {
        ...describe('Replace description, labels and annotations', DnsZone),
        params: ZonePath,
        body: DescribeZoneRequest,
      },
    },
    async (request) => {
      const { caller } = await callers.admit(request, 'write');
      return renderZone(await describeZone(ports, caller, request.params.zone, request.body));
    },
  );

  app.get(
    '/zones/:zone/work',
    { schema: { ...describe('How far the making of a whole version has come', WorkResponse), params: ZonePath } },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      const work = await getWork(ports, caller, request.params.zone);
      if (work === undefined) return {};
      const { begunAt, done, total } = work;
      return { work: { since: formatInstant(begunAt), done, total } };
    },
  );

  app.delete('/zones/:zone', { schema: { ...describe('Delete a zone'), params: ZonePath } }, async (request, reply) => {
    const { caller } = await callers.admit(request, 'write');
    await deleteZone(ports, caller, request.params.zone);
    return reply.code(204).send();
  });

  app.get(
    '/zones/:zone/records',
    {
      schema: { ...describe('List records', Type.Array(DnsRecord)), params: ZonePath, querystring: ListRecordsQuery },
    },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'read');
      const { recordType, name, limit, after } = request.query;
      const { zone } = request.params;
      const query = { type: recordType, name };
      const start = after === undefined ? undefined : parseRecordCursor(after);
      if (limit === undefined) {
        const all = await listAllRecords(ports, caller, zone, query, start);
        if (isPages(all)) return sendList(reply, all, renderRecord);
        return all.map(renderRecord);
      }
      const records = await listRecords(ports, caller, zone, query, limit, start);
      const last = records.at(-1);
      if (last !== undefined && records.length === limit) void reply.header('x-next-cursor', formatRecordCursor(last));
      return records.map(renderRecord);
    },
  );

  app.post(
    '/zones/:zone/records',
    { schema: { ...describe('Create a record', DnsRecord, 201), params: ZonePath, body: CreateRecordRequest } },
    async (request, reply) => {
      const admitted = await callers.admit(request, 'write');
      const { caller, identity: principal } = admitted;
      const claim = claimOf(request, admitted);
      const cause = { reason: 'record created', principal, claim };
      const change = { action: 'create', record: request.body } as const;
      const { zone } = request.params;
      const { records } = await onlyOnce(ports, claim, () => changeRecords(ports, caller, zone, [change], cause));
      return reply.code(201).send(renderRecord(records[0] as StoredRRset));
    },
  );

  for (const { path, params, addressOf } of recordPaths) {
    app.get(path, { schema: { ...describe('Get a record', DnsRecord), params } }, async (request) => {
      const { caller } = await callers.admit(request, 'read');
      return renderRecord(await getRecord(ports, caller, zoneOf(request.params), addressOf(request.params)));
    });
    for (const method of ['PUT', 'PATCH'] as const) {
      app.route({
        method,
        url: path,
        schema: { ...describe('Update a record', DnsRecord), params, body: UpdateRecordRequest },
        handler: async (request) => {
          const { caller, identity } = await callers.admit(request, 'write');
          const cause = { reason: 'record updated', principal: identity };
          const address = addressOf(request.params);
          return renderRecord(await updateRecord(ports, caller, zoneOf(request.params), address, request.body, cause));
        },
      });
    }
    app.delete(path, { schema: { ...describe('Delete a record'), params } }, async (request, reply) => {
      const { caller, identity } = await callers.admit(request, 'write');
      const cause = { reason: 'record deleted', principal: identity };
      await deleteRecord(ports, caller, zoneOf(request.params), addressOf(request.params), cause);
      return reply.code(204).send();
    });
  }

  app.post(
    '/zones/:zone/changes',
    {
      bodyLimit: changesLimit,
      schema: {
        ...describe('Change records as one new version, or see what that would do', ChangesResponse),
        params: ZonePath,
        querystring: DryRunQuery,
        body: ChangesRequest,
      },
    },
    async (request) => {
      const admitted = await callers.admit(request, 'write');
      const { caller, identity: principal } = admitted;
      const { reason = 'records changed', changes } = request.body;
      const { dryRun = false } = request.query;
      const claim = dryRun ? undefined : claimOf(request, admitted);
      const wanted = changes.map((change) => {
        if (change.action === 'delete') return change;
        const { action, ...record } = change;
        return { action, record };
      });
      const cause = { reason, principal, claim };
      const { zone } = request.params;
      const done = await onlyOnce(ports, claim, () => changeRecords(ports, caller, zone, wanted, cause, { dryRun }));
      return {
        version: done.version,
        serial: done.serial,
        dryRun,
        removed: done.removed,
        added: done.added,
        warnings: done.warnings.map(formatFault),
        records: done.records.map(renderRecord),
      };
    },
  );

  await app.register(zoneFileRoutes, { ports, callers });
  await app.register(signingRoutes, { ports, callers });

  app.get(
    '/zones/:zone/versions',
    {
      schema: {
        ...describe('List the versions of a zone, the newest first', Type.Array(ZoneVersionItem)),
        params: ZonePath,
        querystring: ListVersionsQuery,
      },
    },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      const { limit = 100, before } = request.query;
      return (await listVersions(ports, caller, request.params.zone, limit, before)).map(renderVersion);
    },
  );

  app.get(
    '/zones/:zone/versions/:version',
    { schema: { ...describe('What a version changed', DifferencesResponse), params: VersionPath } },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      const { removed, added } = await getDifferences(ports, caller, request.params.zone, request.params.version);
      const lines = (records: typeof removed) => records.map((record) => formatRecord(record).trimEnd());
      return { removed: lines(removed), added: lines(added) };
    },
  );

  app.post(
    '/zones/:zone/versions/:version/restore',
    { schema: { ...describe('Give a zone the contents of an earlier version', DnsZone), params: VersionPath } },
    async (request) => {
      const admitted = await callers.admit(request, 'write');
      const { caller, identity: principal } = admitted;
      const { zone, version } = request.params;
      const claim = claimOf(request, admitted);
      const cause = { reason: `contents of version ${version} restored`, principal, claim };
      return renderZone(await onlyOnce(ports, claim, () => rollBack(ports, caller, zone, version, cause)));
    },
  );
};

/** A record is named by its identity, or by its name and type. */
const recordPaths = [
  {
    path: '/zones/:zone/records/:record',
    params: RecordPath,
    addressOf: (params: unknown): RecordAddress => ({ identity: (params as { record: string }).record }),
  },
  {
    path: '/zones/:zone/records/:record/:type',
    params: NamedRecordPath,
    addressOf: (params: unknown): RecordAddress => {
      const { record, type } = params as { record: string; type: string };
      return { name: record, type };
    },
  },
];

function zoneOf(params: unknown): string {
  return (params as { zone: string }).zone;
}
