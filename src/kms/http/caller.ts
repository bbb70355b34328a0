import type { FastifyRequest } from 'fastify';
import { KmsError } from '#kms/core/errors.ts';
import { authenticate } from '#kms/operations/authenticate.ts';
import type { Caller, KmsPorts } from '#kms/operations/context.ts';

/** Find out who calls and for whom. @throws KmsError unauthenticated, payload-invalid */
export async function callerOf(ports: KmsPorts, { headers }: FastifyRequest): Promise<Caller> {
  const principal = await authenticate(ports, headers.authorization);
  const organisation = headers['x-organisation-identity'];
  const project = headers['x-project-identity'];
  if (typeof organisation !== 'string' || organisation === '') {
    throw new KmsError('payload-invalid', 'the X-Organisation-Identity header is missing');
  }
  return { principal, organisation, ...(typeof project === 'string' && project !== '' ? { project } : {}) };
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
