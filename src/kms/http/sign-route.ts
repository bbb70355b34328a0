import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import { type BinarySignAnswer, BinarySignRequest, maxBatch, SignRequest } from '#kms/api.ts';
import { binaryBatchType, composeBinaryBatch, parseBinaryBatch } from '#kms/core/binary-batch.ts';
import { KmsError } from '#kms/core/errors.ts';
import { composeTagged, formatKeyVersion } from '#kms/core/formats.ts';
import { callerOf } from '#kms/http/caller.ts';
import { readInputs, readSignatureOptions, readVersion, signatureEncoding } from '#kms/http/crypto-bodies.ts';
import { goodItems, sendOutcomes } from '#kms/http/items.ts';
import { batchBodyLimit, describe, KeyPath } from '#kms/http/route.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { sign, signPacked } from '#kms/operations/sign.ts';
import type { Versioned } from '#kms/operations/use-key.ts';
import type { PackedOutcomes } from '#kms/ports/crypto-provider.ts';
import { isPooled } from '#lib/bytes.ts';
import { releasePacked } from '#lib/packed.ts';

/** Signing: one input, or a batch in JSON or as octets, which is answered as it came. */
export const signRoute: FastifyPluginAsyncTypebox<{ ports: KmsPorts }> = async (app, { ports }) => {
  app.addContentTypeParser(binaryBatchType, { parseAs: 'buffer' }, async (_request: unknown, body: unknown) =>
    parseBinaryBatch(body as Uint8Array, { items: maxBatch }),
  );

  const bodies = { 'application/json': { schema: SignRequest }, [binaryBatchType]: { schema: BinarySignRequest } };
  app.post(
    '/:region/keys/:id/sign',
    {
      bodyLimit: batchBodyLimit,
      schema: { ...describe('Sign an input, or a batch'), params: KeyPath, body: { content: bodies } },
    },
    async (request, reply) => {
      const body = request.body as SignRequest | BinarySignRequest | undefined;
      const caller = callerOf(request);
      if (body === undefined) throw new KmsError('payload-invalid', 'the body is missing: give input or batch');
      if ('head' in body) {
        if (body.items.ends.length === 0) throw new KmsError('payload-invalid', 'the binary batch has no items');
        const call = {
          inputs: body.items,
          version: readVersion(body.head.keyVersion),
          options: readSignatureOptions(body.head),
        };
        const signed = await signPacked(ports, caller, request.params, call);
        if (!isPooled(body.items.bytes)) releasePacked([body.items]);
        return sendBinary(reply, signed);
      }
      const items = readInputs(body);
      const options = readSignatureOptions(body);
      const call = { inputs: goodItems(items), version: readVersion(body.keyVersion), options };
      const { version, outcomes } = await sign(ports, caller, request.params, call);
      const encoding = signatureEncoding(body);
      const keyVersion = formatKeyVersion(version);
      return sendOutcomes(reply, body, items, outcomes, (signature) => ({
        signature: composeTagged(version, signature, encoding),
        keyVersion,
      }));
    },
  );
};

function sendBinary(reply: FastifyReply, { version, results, errors }: PackedOutcomes & Versioned): FastifyReply {
  const head: BinarySignAnswer = {
    keyVersion: formatKeyVersion(version),
    errors: errors.map(({ index, error: { code, message } }) => ({ index, code, message })),
  };
  const answer = composeBinaryBatch(head, ...results);
  releasePacked(results);
  return reply.type(binaryBatchType).send(answer);
}
