import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import {
  CiphertextRequest,
  DataKeyRequest,
  DataKeyResponse,
  EncryptRequest,
  ExportRequest,
  ExportResponse,
  HmacRequest,
  VerifyHmacRequest,
  VerifyRequest,
} from '#kms/api.ts';
import { KmsError } from '#kms/core/errors.ts';
import { composeTagged, formatKeyVersion } from '#kms/core/formats.ts';
import { callerOf } from '#kms/http/caller.ts';
import {
  readAssociatedData,
  readCiphertexts,
  readHmacOptions,
  readHmacs,
  readInputs,
  readPlaintexts,
  readSignatureOptions,
  readSignatures,
  readVersion,
} from '#kms/http/crypto-bodies.ts';
import { goodItems, type Item, sendOutcomes } from '#kms/http/items.ts';
import { batchBodyLimit, describe, emptyBodyAllowed, KeyPath } from '#kms/http/route.ts';
import { signRoute } from '#kms/http/sign-route.ts';
import { hmac, verifyHmac } from '#kms/operations/authenticate-message.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { decrypt, encrypt, generateDataKey, rewrap } from '#kms/operations/encrypt.ts';
import { exportKey } from '#kms/operations/export-key.ts';
import { verify } from '#kms/operations/sign.ts';
import { joinBytes, utf8Bytes } from '#lib/bytes.ts';
import { encodeBase64, encodeBase64Octets } from '#lib/encoding.ts';

/** Cryptography with a key: each route reads its items, calls one operation and shows the outcomes. */
export const cryptoRoutes: FastifyPluginAsyncTypebox<{ ports: KmsPorts }> = async (app, { ports }) => {
  const batchable = { bodyLimit: batchBodyLimit };

  await app.register(signRoute, { ports });

  app.post(
    '/:region/keys/:id/verify',
    { ...batchable, schema: { ...describe('Verify a signature, or a batch'), params: KeyPath, body: VerifyRequest } },
    async (request, reply) => {
      const { params, body } = request;
      const caller = callerOf(request);
      const items = readSignatures(body);
      const call = { items: goodItems(items), options: readSignatureOptions(body) };
      const outcomes = await verify(ports, caller, params, call);
      return sendOutcomes(reply, body, items, outcomes, (valid) => ({ valid }));
    },
  );

  app.post(
    '/:region/keys/:id/encrypt',
    { ...batchable, schema: { ...describe('Encrypt a plaintext, or a batch'), params: KeyPath, body: EncryptRequest } },
    async (request, reply) => {
      const { params, body } = request;
      const caller = callerOf(request);
      const items = readPlaintexts(body);
      const call = { items: goodItems(items), version: readVersion(body.keyVersion) };
      const { version, outcomes } = await encrypt(ports, caller, params, call);
      return sendOutcomes(reply, body, items, outcomes, showCiphertext(version));
    },
  );

  app.post(
    '/:region/keys/:id/decrypt',
    {
      ...batchable,
      schema: { ...describe('Decrypt a ciphertext, or a batch'), params: KeyPath, body: CiphertextRequest },
    },
    async (request, reply) => {
      const { params, body } = request;
      const caller = callerOf(request);
      const items = readCiphertexts(body);
      const outcomes = await decrypt(ports, caller, params, goodItems(items));
      return sendOutcomes(reply, body, items, outcomes, (plaintext, index) => ({
        plaintext: encodeBase64(plaintext),
        keyVersion: versionOf(items[index]),
      }));
    },
  );

  app.post(
    '/:region/keys/:id/rewrap',
    {
      ...batchable,
      schema: {
        ...describe('Encrypt a ciphertext anew under the newest version, or a batch'),
        params: KeyPath,
        body: CiphertextRequest,
      },
    },
    async (request, reply) => {
      const { params, body } = request;
      const caller = callerOf(request);
      const items = readCiphertexts(body);
      const { version, outcomes } = await rewrap(ports, caller, params, goodItems(items));
      return sendOutcomes(reply, body, items, outcomes, showCiphertext(version));
    },
  );

  app.post(
    '/:region/keys/:id/hmac',
    { ...batchable, schema: { ...describe('Compute an HMAC, or a batch'), params: KeyPath, body: HmacRequest } },
    async (request, reply) => {
      const { params, body } = request;
      const caller = callerOf(request);
      const items = readInputs(body);
      const call = { inputs: goodItems(items), version: readVersion(body.keyVersion), options: readHmacOptions(body) };
      const { version, outcomes } = await hmac(ports, caller, params, call);
      const keyVersion = formatKeyVersion(version);
      return sendOutcomes(reply, body, items, outcomes, (mac) => ({ hmac: composeTagged(version, mac), keyVersion }));
    },
  );

  app.post(
    '/:region/keys/:id/verify-hmac',
    { ...batchable, schema: { ...describe('Verify an HMAC, or a batch'), params: KeyPath, body: VerifyHmacRequest } },
    async (request, reply) => {
      const { params, body } = request;
      const caller = callerOf(request);
      const items = readHmacs(body);
      const call = { items: goodItems(items), options: readHmacOptions(body) };
      const outcomes = await verifyHmac(ports, caller, params, call);
      return sendOutcomes(reply, body, items, outcomes, (valid, index) => ({
        valid,
        keyVersion: versionOf(items[index]),
      }));
    },
  );

  app.post(
    '/:region/keys/:id/export',
    {
      ...emptyBodyAllowed,
      schema: { ...describe('Export key material', ExportResponse), params: KeyPath, body: ExportRequest },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const wanted = readVersion(request.body.keyVersion);
      const { version, material } = await exportKey(ports, caller, request.params, wanted);
      using secret = material;
      return sendSecret(reply, 'keyMaterial', secret.bytes, { keyVersion: formatKeyVersion(version) });
    },
  );

  app.post(
    '/:region/keys/:id/generate-data-key',
    {
      ...emptyBodyAllowed,
      schema: { ...describe('Generate a data key', DataKeyResponse), params: KeyPath, body: DataKeyRequest },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { bits = 256, associatedData } = request.body;
      const call = { bytes: bits === 128 ? 16 : 32, ...readAssociatedData(associatedData) } as const;
      const { version, plaintext, ciphertext } = await generateDataKey(ports, caller, request.params, call);
      using secret = plaintext;
      return sendSecret(reply, 'plaintext', secret.bytes, {
        ciphertext: composeTagged(version, ciphertext),
        keyVersion: formatKeyVersion(version),
      });
    },
  );
};

function showCiphertext(version: number) {
  const keyVersion = formatKeyVersion(version);
  return (ciphertext: Uint8Array) => ({ ciphertext: composeTagged(version, ciphertext), keyVersion });
}

function versionOf(item: Item<{ readonly version: number }> | undefined): string {
  if (item === undefined || item instanceof KmsError) throw new KmsError('internal', 'an outcome has no item');
  return formatKeyVersion(item.version);
}

/** Answer with a secret that never becomes a string, and wipe the answer when it has left. */
function sendSecret(reply: FastifyReply, field: string, secret: Uint8Array, rest: object): FastifyReply {
  const text = encodeBase64Octets(secret);
  const body = joinBytes(utf8Bytes(`{"${field}":"`), text, utf8Bytes(`",${JSON.stringify(rest).slice(1)}`));
  text.fill(0);
  reply.raw.once('close', () => body.fill(0));
  return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(body);
}
