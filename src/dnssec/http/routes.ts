import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { type Clock, parseInstant, secondsOf } from '#lib/clock.ts';
import {
  DescribeKeysQuery,
  KeyRecords,
  type KeyReference,
  SignRRsetsRequest,
  SignRRsetsResponse,
  SignZoneQuery,
  VerifyZoneQuery,
  VerifyZoneResponse,
} from '#dnssec/api.ts';
import { callerOf } from '#dnssec/http/caller.ts';
import { sendSignedZone } from '#dnssec/http/zone-answer.ts';
import { maxZoneRecords, maxZonesAtOnce, ZoneGate } from '#dnssec/http/zone-gate.ts';
import { describeKey, describeKeys } from '#dnssec/operations/describe-keys.ts';
import { parseOrigin, validityPolicy } from '#dnssec/operations/signing-options.ts';
import { signRRsets } from '#dnssec/operations/sign-rrsets.ts';
import { parseAnchors, verifyZoneText } from '#dnssec/operations/verify-zone-text.ts';
import type { KeyChoice } from '#dnssec/operations/zone-keys.ts';
import { openZone } from '#dnssec/operations/zone-text.ts';
import type { ZoneForm } from '#dnssec/core/zone/line-printer.ts';
import type { Kms, SignatureVerifier } from '#dnssec/ports.ts';

export interface DnssecRoutesOptions {
  readonly kms: Kms;
  readonly verifier: SignatureVerifier;
  readonly clock: Clock;
}

/** Octets of a zone in one request; what comes without a length is bounded by its records. */
const zoneBodyLimit = 2 ** 30;

/** Media types of a zone; a master file has a type of its own. Source: RFC 4027 §1. */
const zoneMediaTypes = ['text/dns', 'text/plain', 'application/octet-stream', 'application/x-ndjson'];

/** The routes of `/v1/dnssec`: each reads a request, calls one operation and shows its result. */
export const dnssecRoutes: FastifyPluginAsyncTypebox<DnssecRoutesOptions> = async (app, options) => {
  const { kms, verifier, clock } = options;
  await app.register(wholeZoneRoutes, { kms, verifier, clock });

  app.post(
    '/sign',
    {
      bodyLimit: 32 * 1024 * 1024,
      schema: {
        summary: 'Sign RRsets',
        description:
          'Signs RRsets of a zone that the caller holds. Every RRSIG was verified against its DNSKEY before it is answered.',
        tags: ['DNSSEC'],
        body: SignRRsetsRequest,
        response: { 200: SignRRsetsResponse },
      },
    },
    async (request) => {
      const { zone, region, keys, rrsets, validity } = request.body;
      const signer = kms.signerFor(callerOf(request), region);
      const signed = await signRRsets(
        { zone, rrsets, keys: keys.map(keyChoice), validity: validityPolicy(validity ?? {}) },
        secondsOf(clock),
        { signer, verifier },
      );
      return {
        zone: signed.zone,
        keys: signed.keys.map((key) => describeKey(zone, key)),
        rrsets: signed.rrsets.map(mutable),
      };
    },
  );

  app.get(
    '/keys/:keyId',
    {
      schema: {
        summary: 'DNSKEY, DS, CDS and CDNSKEY of a KMS key',
        description: 'All versions of the key, the newest first.',
        tags: ['DNSSEC'],
        params: Type.Object({ keyId: Type.String({ maxLength: 255 }) }),
        querystring: DescribeKeysQuery,
        response: { 200: KeyRecords },
      },
    },
    async (request) => {
      const { zone, region, role = 'csk', algorithm } = request.query;
      const signer = kms.signerFor(callerOf(request), region);
      const choice = {
        keyId: request.params.keyId,
        role,
        ...(algorithm === undefined ? {} : { algorithm: Number(algorithm) }),
      };
      const described = await describeKeys(zone, [choice], signer);
      return {
        zone: described.zone,
        keys: described.keys.map((key) => ({ ...key, ds: [...key.ds], cds: [...key.cds], cdnskey: [...key.cdnskey] })),
      };
    },
  );
};

/** The routes whose body is a zone: it is read as a stream, and nothing else is taken for one. */
const wholeZoneRoutes: FastifyPluginAsyncTypebox<DnssecRoutesOptions> = async (app, options) => {
  const { kms, verifier, clock } = options;
  const gate = new ZoneGate(maxZonesAtOnce);
  app.removeAllContentTypeParsers();
  for (const mediaType of zoneMediaTypes) {
    app.addContentTypeParser(mediaType, (_request, payload, done) => done(null, payload));
  }

  app.post(
    '/zones/sign',
    {
      bodyLimit: zoneBodyLimit,
      schema: {
        summary: 'Sign a whole zone',
        description:
          'The body is a master file (`text/dns`) or records as NDJSON. With `Accept: application/x-ndjson` the answer has ' +
          'lines `{"progress"}`, then `{"record"}`, then `{"result"}` or `{"error"}`; otherwise it is a master file.',
        tags: ['DNSSEC'],
        consumes: ['text/dns', 'application/x-ndjson'],
        produces: ['text/dns', 'application/x-ndjson'],
        querystring: SignZoneQuery,
      },
    },
    (request, reply) =>
      sendSignedZone(
        { ...options, gate, caller: callerOf(request), query: request.query, body: bodyOf(request) },
        reply,
      ),
  );

  app.post(
    '/zones/verify',
    {
      bodyLimit: zoneBodyLimit,
      schema: {
        summary: 'Verify a signed zone',
        description:
          'Checks contents, chain of trust, every signature, denial of existence and digest, and names every fault.',
        tags: ['DNSSEC'],
        consumes: ['text/dns', 'application/x-ndjson'],
        querystring: VerifyZoneQuery,
        response: { 200: VerifyZoneResponse },
      },
    },
    async (request) => {
      const { origin, at, anchor } = request.query;
      await kms.assertKnown(callerOf(request));
      using _place = gate.enter();
      const { octets, form } = bodyOf(request);
      const source = await openZone(octets, form, {
        fileName: 'body',
        maxRecords: maxZoneRecords,
        ...(origin === undefined ? {} : { origin: parseOrigin(origin) }),
      });
      const anchors = anchor === undefined ? [] : parseAnchors(anchor, source.apex, 'anchor');
      const milliseconds = at === undefined ? undefined : parseInstant(at);
      const seconds = milliseconds === undefined ? secondsOf(clock) : Math.floor(milliseconds / 1000);
      const outcome = await verifyZoneText(source, { at: seconds, anchors }, verifier);
      return { ...outcome, faults: [...outcome.faults] };
    },
  );
};

/** A zone as it comes in: its octets as a stream, and how they are to be read. */
export interface ZoneBody {
  readonly octets: AsyncIterable<Uint8Array>;
  readonly form: ZoneForm;
}

function bodyOf(request: FastifyRequest): ZoneBody {
  const isLines = (request.headers['content-type'] ?? '').startsWith('application/x-ndjson');
  return { octets: (request.body ?? []) as AsyncIterable<Uint8Array>, form: isLines ? 'ndjson' : 'master' };
}

function keyChoice({ kmsKeyIdentity, role = 'csk', versions, algorithm }: KeyReference): KeyChoice {
  return {
    keyId: kmsKeyIdentity,
    role,
    ...(versions === undefined ? {} : { versions }),
    ...(algorithm === undefined ? {} : { algorithm }),
  };
}

function mutable<Signed extends { readonly rdata: readonly string[]; readonly rrsigs: readonly string[] }>(
  signed: Signed,
): Omit<Signed, 'rdata' | 'rrsigs'> & { rdata: string[]; rrsigs: string[] } {
  return { ...signed, rdata: [...signed.rdata], rrsigs: [...signed.rrsigs] };
}
