import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { ForeignKeysRequest, ForeignKeysResponse } from '#dnssec/api-signing.ts';
import { ZonePath } from '#dnssec/api-zones.ts';
import { keyTagOf, parseDnskey } from '#dnssec/core/keys/dnskey.ts';
import { foreignId, isEntryPoint } from '#dnssec/core/managed/foreign-keys.ts';
import { formatSeconds } from '#dnssec/http/render-signing.ts';
import { describe, type ZoneRoutesOptions } from '#dnssec/http/zone-route.ts';
import {
  describeForeignKeys,
  type ForeignKeysDescription,
  setForeignKeys,
} from '#dnssec/operations/zones/set-foreign-keys.ts';
import type { Caller } from '#dnssec/ports.ts';

/** The routes of the keys of another signer, with which a zone moves in or out. */
export const foreignKeyRoutes: FastifyPluginAsyncTypebox<ZoneRoutesOptions> = async (app, { ports, callers }) => {
  const path = '/zones/:zone/dnssec/foreign-keys';
  const shown = async (caller: Caller, zone: string): Promise<ForeignKeysResponse> =>
    render(await describeForeignKeys(ports, caller, zone));

  app.get(
    path,
    {
      schema: {
        ...describe('Keys of another signer of a zone, and what a move of the zone waits for', ForeignKeysResponse),
        params: ZonePath,
      },
    },
    async (request) => {
      const { caller } = await callers.admit(request, 'read');
      return shown(caller, request.params.zone);
    },
  );

  app.put(
    path,
    {
      schema: {
        ...describe('Publish the keys of another signer beside ours', ForeignKeysResponse),
        params: ZonePath,
        body: ForeignKeysRequest,
      },
    },
    async (request) => {
      const { caller, identity } = await callers.admit(request, 'write');
      const { zone } = request.params;
      const cause = { reason: 'keys of another signer', principal: identity };
      await setForeignKeys(ports, caller, zone, request.body.foreignKeys, cause);
      return shown(caller, zone);
    },
  );

  app.delete(
    path,
    { schema: { ...describe('Take the keys of another signer out, if no resolver needs them'), params: ZonePath } },
    async (request, reply) => {
      const { caller, identity } = await callers.admit(request, 'write');
      const cause = { reason: 'no more keys of another signer', principal: identity };
      await setForeignKeys(ports, caller, request.params.zone, [], cause);
      return reply.code(204).send();
    },
  );
};

function render(described: ForeignKeysDescription): ForeignKeysResponse {
  const { signing, foreign, own, knownAt, removal, handOver } = described;
  return {
    foreignKeys: foreign.map((dnskey) => {
      const parent = signing.parent[foreignId(dnskey)]?.kind;
      return {
        dnskey: formatRdata(rrTypes.DNSKEY, dnskey),
        keyTag: keyTagOf(dnskey),
        algorithm: parseDnskey(dnskey).algorithm,
        entryPoint: isEntryPoint(dnskey),
        ...(parent === undefined ? {} : { parent }),
      };
    }),
    crossPublish: own.map(({ dnskey }) => formatRdata(rrTypes.DNSKEY, dnskey)),
    knownAt: formatSeconds(knownAt),
    removalWaitsFor: [...removal],
    handOverWaitsFor: [...handOver],
  };
}
