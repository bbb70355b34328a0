import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { claimFor, type IdempotencyClaim, idempotencyTexts, isIdempotencyKey } from '#lib/idempotency.ts';
import { DnssecError } from '#dnssec/core/errors.ts';
import type { ZoneCaller } from '#dnssec/http/zone-caller.ts';
import { scopeOf } from '#dnssec/operations/zones/manage-zones.ts';

/**
 * Bind the Idempotency-Key of a request to its caller and to what it asks for; none where the request has none.
 *
 * @param asked the body, or what stands for a large one
 * @throws DnssecError request-invalid
 */
export function claimOf(
  request: Pick<FastifyRequest, 'headers' | 'method' | 'url' | 'body'>,
  { caller, identity }: ZoneCaller,
  asked: unknown = request.body,
): IdempotencyClaim | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (!isIdempotencyKey(key)) throw new DnssecError('request-invalid', idempotencyTexts.malformed);
  // A KMS that does not tell who calls leaves their credentials to tell callers apart.
  const principal = identity === 'unknown' ? hash('sha256', caller.authorization, 'hex') : identity;
  return claimFor(principal, key, [request.method, request.url, scopeOf(caller), asked]);
}
