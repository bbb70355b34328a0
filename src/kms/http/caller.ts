import { idempotencyTexts, isIdempotencyKey } from '#lib/idempotency.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KmsError } from '#kms/core/errors.ts';
import { authenticate } from '#kms/operations/authenticate.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls the KMS; null before that is known. */
    kmsCaller: Caller | null;
  }
}

/**
 * Find out who calls before anything of the body is read, so that strangers, and those who have used up their allowance,
 * cost no more than a header.
 */
export function identifyCallers(app: FastifyInstance, ports: KmsPorts): void {
  app.decorateRequest('kmsCaller', null);
  app.addHook('onRequest', async (request) => {
    const { headers, id, ip } = request;
    const principal = await authenticate(ports, headers.authorization);
    ports.limiter.take(principal, 0);
    const project = textOf(headers['x-project-identity']);
    request.kmsCaller = {
      principal,
      organisation: textOf(headers['x-organisation-identity']),
      ...(project === '' ? {} : { project }),
      requestId: id,
      address: ip,
    };
  });
}

/** Return who calls and for whom. @throws KmsError payload-invalid */
export function callerOf(request: FastifyRequest): Caller {
  const caller = administratorOf(request);
  if (caller.organisation === '')
    throw new KmsError('payload-invalid', 'the X-Organisation-Identity header is missing');
  return caller;
}

/** Return who calls where no organisation has to be named. */
export function administratorOf({ kmsCaller }: FastifyRequest): Caller {
  if (kmsCaller === null) throw new KmsError('internal', 'a route of the KMS does not know who calls');
  return kmsCaller;
}

const longestIdentity = 255;

/** Read a header that names something. @throws KmsError payload-invalid */
function textOf(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header : '';
  if (text.length <= longestIdentity) return text;
  throw new KmsError('payload-invalid', `an identity in a header has at most ${longestIdentity} characters`);
}

/** Read the Idempotency-Key header. @throws KmsError payload-invalid */
export function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (!isIdempotencyKey(key)) throw new KmsError('payload-invalid', idempotencyTexts.malformed);
  return key;
}
