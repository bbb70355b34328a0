import type { FastifyRequest } from 'fastify';
import { KmsError } from '#kms/core/errors.ts';
import { authenticate } from '#kms/operations/authenticate.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';

/** Find out who calls and for whom. @throws KmsError unauthenticated, payload-invalid */
export async function callerOf(ports: KmsPorts, request: FastifyRequest): Promise<Caller> {
  const caller = await administratorOf(ports, request);
  if (caller.organisation === '')
    throw new KmsError('payload-invalid', 'the X-Organisation-Identity header is missing');
  return caller;
}

/** Find out who calls where no organisation has to be named. @throws KmsError unauthenticated, payload-invalid */
export async function administratorOf(ports: KmsPorts, request: FastifyRequest): Promise<Caller> {
  const { headers, id, ip } = request;
  const principal = await authenticate(ports, headers.authorization);
  const project = textOf(headers['x-project-identity']);
  return {
    principal,
    organisation: textOf(headers['x-organisation-identity']),
    ...(project === '' ? {} : { project }),
    requestId: id,
    address: ip,
  };
}

const longestIdentity = 255;

/** Read a header that names something. @throws KmsError payload-invalid */
function textOf(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header : '';
  if (text.length <= longestIdentity) return text;
  throw new KmsError('payload-invalid', `an identity in a header has at most ${longestIdentity} characters`);
}

const idempotencyKeyShape = /^[\x21-\x7e]{1,255}$/;

/** Read the Idempotency-Key header. @throws KmsError payload-invalid */
export function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !idempotencyKeyShape.test(key)) {
    throw new KmsError(
      'payload-invalid',
      'the Idempotency-Key header must be 1 to 255 printable ASCII characters without spaces',
    );
  }
  return key;
}
