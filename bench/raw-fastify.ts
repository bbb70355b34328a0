import { generateKeyPairSync, sign } from 'node:crypto';
import { fastify } from 'fastify';

/**
 * The least that a server of signatures can be: one thread, one P-256 key, JSON in and out; no callers, no rights, no
 * audit log. What the KMS does beside signing is seen against it. Prints `listening URL`.
 */
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const body = { type: 'object', required: ['input'], properties: { input: { type: 'string' } } };

const app = fastify();
app.post<{ Body: { input: string } }>('/sign', { schema: { body } }, (request) => {
  const signature = sign('sha256', Buffer.from(request.body.input, 'base64'), privateKey);
  return { signature: `raw:v1:${signature.toString('base64')}`, keyVersion: '1' };
});
process.stdout.write(`listening ${await app.listen({ port: 0, host: '127.0.0.1' })}\n`);
