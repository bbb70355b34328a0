import type { FastifyRequest } from 'fastify';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { Caller } from '#dnssec/ports.ts';

/**
 * Take the caller's credentials out of the headers. The service has no rights of its own for these calls: the KMS
 * decides by the caller's.
 *
 * @throws DnssecError unauthenticated, request-invalid
 */
export function callerOf({ headers }: FastifyRequest): Caller {
  const organisation = headers['x-organisation-identity'];
  const project = headers['x-project-identity'];
  if (headers.authorization === undefined)
    throw new DnssecError('unauthenticated', 'the Authorization header is missing');
  if (typeof organisation !== 'string' || organisation === '') {
    throw new DnssecError('request-invalid', 'the X-Organisation-Identity header is missing');
  }
  return {
    authorization: headers.authorization,
    organisation,
    ...(typeof project === 'string' && project !== '' ? { project } : {}),
  };
}
