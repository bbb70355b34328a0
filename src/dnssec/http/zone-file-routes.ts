import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import {
  ExportQuery,
  ExportResponse,
  ImportQuery,
  ImportRequest,
  ImportResponse,
  ZonePath,
} from '#dnssec/api-zones.ts';
import { piecesOf } from '#dnssec/http/body-pieces.ts';
import { takeLongTexts } from '#dnssec/http/long-texts.ts';
import { claimOf } from '#dnssec/http/once.ts';
import { renderRecord } from '#dnssec/http/render-zones.ts';
import { describe, type ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import { runWhereItFits } from '#dnssec/operations/zones/apart.ts';
import { isLarge } from '#dnssec/operations/zones/large-zones.ts';
import { exportZone } from '#dnssec/operations/zones/export-zone.ts';
import { getOwnZone } from '#dnssec/operations/zones/manage-zones.ts';
import { onlyOnce } from '#dnssec/operations/zones/once.ts';
import type { ChangeCause } from '#dnssec/operations/zones/publish-version.ts';
import type { ImportRequest as ZoneImport } from '#dnssec/operations/zones/transfer-contents.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';
import type { Caller } from '#dnssec/ports.ts';
import { octetsFrom } from '#lib/octets.ts';
import { openSpool, type Spool } from '#lib/spool.ts';

/** Octets of a body. */
const bodyLimit = 2 ** 30;

/** Media type of a master file. Source: RFC 4027 §1. */
const masterFile = 'text/dns';

/** The routes through which zones come and go as master files. */
export const zoneFileRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  const longTexts = takeLongTexts(app, bodyLimit);
  app.addContentTypeParser(masterFile, (_request, payload, done) => done(null, payload));

  app.get(
    '/zones/:zone/export',
    {
      schema: {
        ...describe('Export a zone, with Accept: text/dns as nothing but a master file', ExportResponse),
        produces: ['application/json', masterFile],
        params: ZonePath,
        querystring: ExportQuery,
      },
    },
    async (request, reply) => {
      const { caller } = await callers.admit(request, 'read');
      return sendZone(ports, caller, request.params.zone, request.query.signed ?? false, reply);
    },
  );

  app.post(
    '/zones/:zone/import',
    {
      bodyLimit,
      // Nobody fills the disk who may not write: the body is read behind this.
      onRequest: async (request) => void (await callers.admit(request, 'write')),
      schema: {
        ...describe('Import a master file, in JSON or as text/dns', ImportResponse),
        consumes: ['application/json', masterFile],
        params: ZonePath,
        querystring: ImportQuery,
        body: { content: { 'application/json': { schema: ImportRequest }, [masterFile]: { schema: Type.Any() } } },
      },
    },
    async (request) => {
      const admitted = await callers.admit(request, 'write');
      const { caller, identity: principal } = admitted;
      const { dryRun = false } = request.query;
      const { zone } = request.params;
      const causeOf = (replaceExisting: boolean, digest: string): ChangeCause => {
        const claim = dryRun ? undefined : claimOf(request, admitted, { replaceExisting, digest });
        return { reason: 'zone file imported', principal, claim };
      };
      if (!isText(request)) {
        const { zoneFile, replaceExisting = request.query.replaceExisting ?? false } = request.body as ImportRequest;
        const file = longTexts.find(request, zoneFile) ?? zoneFile;
        const digest = typeof file === 'string' ? hash('sha256', file, 'hex') : file.digest();
        return importInto(ports, caller, zone, file, { replaceExisting, dryRun }, causeOf(replaceExisting, digest));
      }
      const { replaceExisting = false } = request.query;
      await getOwnZone(ports, caller, zone);
      await using spool = await openSpool();
      for await (const piece of piecesOf(request, request.body as Readable, bodyLimit)) await spool.write(piece);
      const cause = causeOf(replaceExisting, spool.digest());
      return await importInto(ports, caller, zone, spool, { replaceExisting, dryRun }, cause);
    },
  );
};

function isText({ headers }: FastifyRequest): boolean {
  return (headers['content-type'] ?? '').toLowerCase().startsWith(masterFile);
}

async function importInto(
  ports: ZonePorts,
  caller: Caller,
  zone: string,
  file: Spool | string,
  options: Omit<ZoneImport, 'zoneFile'>,
  cause: ChangeCause,
): Promise<ImportResponse> {
  const { id } = await getOwnZone(ports, caller, zone);
  const [zoneFile, size] = typeof file === 'string' ? [file, file.length] : [{ path: file.path }, file.size];
  const wanted = { ...options, zoneFile };
  const { records, ...counts } = await onlyOnce(ports, cause.claim, () =>
    runWhereItFits(ports, id, 'importZone', [caller, zone, wanted, cause], size),
  );
  return { ...counts, records: records.map(renderRecord) };
}

/**
 * Answer with a zone. A large one is printed into a file by another thread, so that nothing is sent of one that fails, and
 * its text is never held in memory.
 */
async function sendZone(
  ports: ZonePorts,
  caller: Caller,
  zone: string,
  signed: boolean,
  reply: FastifyReply,
): Promise<unknown> {
  const { id, name } = await getOwnZone(ports, caller, zone);
  const wantsText = (reply.request.headers.accept ?? '').includes(masterFile);
  if (!(await isLarge(ports, id))) {
    let zoneFile = '';
    await exportZone(ports, caller, zone, signed, async (octets) => void (zoneFile += octetsFrom(octets)));
    return wantsText ? reply.type(masterType).send(zoneFile) : { zoneName: name, zoneFile };
  }
  const spool = await openSpool();
  try {
    await runWhereItFits(ports, id, 'printZone', [caller, zone, signed, spool.path]);
  } catch (error) {
    await spool[Symbol.asyncDispose]();
    throw error;
  }
  if (wantsText) return reply.type(masterType).send(Readable.from(textOf(spool)));
  return reply.type('application/json; charset=utf-8').send(Readable.from(jsonOf(name, spool)));
}

/** Master files are ASCII: what is not, they escape. */
const masterType = `${masterFile}; charset=us-ascii`;

async function* textOf(spool: Spool): AsyncGenerator<Uint8Array> {
  try {
    yield* spool.read();
  } finally {
    await spool[Symbol.asyncDispose]();
  }
}

async function* jsonOf(zoneName: string, spool: Spool): AsyncGenerator<string> {
  yield `{"zoneName":${JSON.stringify(zoneName)},"zoneFile":"`;
  for await (const piece of textOf(spool)) yield JSON.stringify(octetsFrom(piece)).slice(1, -1);
  yield '"}';
}
