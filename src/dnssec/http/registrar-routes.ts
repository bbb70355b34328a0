import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import { toXml } from 'xast-util-to-xml';
import { RegistrarQuery, RegistrarView } from '#dnssec/api-registrar.ts';
import { ZonePath } from '#dnssec/api-zones.ts';
import type { ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import { composeRegistrarExport, type RegistrarExport } from '#dnssec/operations/compose-registrar-export.ts';
import { reportToRegistrar } from '#dnssec/operations/zones/report-to-registrar.ts';

/** What the registrar of a zone needs, in the form that it takes. */
export const registrarRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  app.get(
    '/zones/:zone/dnssec/registrar',
    {
      schema: {
        summary: 'What the parent is to add and to remove, from when, and why',
        description:
          'As JSON, as plain text, as master-file lines (`ds`, `dnskey`, `cds`), or as EPP secDNS-1.1 (`epp`): an `update` ' +
          'with what is to be added and removed now, or the extension of a `create`.',
        tags: ['Zones'],
        produces: ['application/json', 'text/plain', 'text/dns', 'application/epp+xml'],
        params: ZonePath,
        querystring: RegistrarQuery,
        response: { 200: { content: { 'application/json': { schema: RegistrarView } } } },
      },
    },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'read');
      const report = await reportToRegistrar(ports, caller, request.params.zone);
      return sendExport(reply, composeRegistrarExport(report, request.query));
    },
  );
};

function sendExport(reply: FastifyReply, exported: RegistrarExport): FastifyReply {
  if (exported.kind === 'json') return reply.send(exported.items);
  if (exported.kind === 'text') return reply.type(`${exported.mediaType}; charset=us-ascii`).send(exported.text);
  return reply.type('application/epp+xml; charset=utf-8').send(toXml(exported.document));
}
