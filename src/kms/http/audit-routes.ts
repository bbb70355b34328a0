import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { AuditItem, AuditQuery, AuditVerifyRequest, AuditVerifyResponse } from '#kms/api-admin.ts';
import { emptyHead } from '#kms/core/audit-event.ts';
import { KmsError } from '#kms/core/errors.ts';
import { administratorOf, callerOf } from '#kms/http/caller.ts';
import { addCursor } from '#kms/http/key-routes.ts';
import { renderAuditRecord } from '#kms/http/render-admin.ts';
import { describe } from '#kms/http/route.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { readAudit, verifyAudit } from '#kms/operations/read-audit.ts';
import { parseInstant } from '#lib/clock.ts';
import { decodeHex, encodeHex } from '#lib/encoding.ts';

const tag = 'Audit';

/** What was done, and whether the log of it is whole. */
export const auditRoutes: FastifyPluginAsyncTypebox<{ ports: KmsPorts }> = async (app, { ports }) => {
  app.get(
    '/audit',
    { schema: { ...describe('Page through audit events', Type.Array(AuditItem), 200, tag), querystring: AuditQuery } },
    async (request, reply) => {
      const { after = 0, limit = 100, from, to, ...filter } = request.query;
      const bounds = { from: instantOf(from), to: instantOf(to) };
      const caller = callerOf(request);
      const records = await readAudit(ports, caller, { ...filter, ...bounds }, after, limit);
      addCursor(reply, records, limit, ({ number }) => String(number));
      return records.map(renderAuditRecord);
    },
  );

  app.post(
    '/audit/verify',
    {
      schema: { ...describe('Check a part of the audit log', AuditVerifyResponse, 200, tag), body: AuditVerifyRequest },
    },
    async (request) => {
      const { from, limit = 10_000 } = request.body;
      const start = from === undefined ? emptyHead : { number: from.number, hash: hashOf(from.hash) };
      const caller = administratorOf(request);
      const { head, isEnd, fault } = await verifyAudit(ports, caller, start, limit);
      return {
        head: { number: head.number, hash: encodeHex(head.hash) },
        isEnd,
        ...(fault === undefined ? {} : { fault }),
      };
    },
  );
};

function instantOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseInstant(text);
}

function hashOf(text: string): Uint8Array {
  const bytes = decodeHex(text);
  if (bytes === undefined) throw new KmsError('payload-invalid', 'from.hash must be hexadecimal');
  return bytes;
}
