import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KmsError } from '#kms/core/errors.ts';

/** Octets of bodies that may be read and worked on at a time: parsed, each takes a few times as much memory. */
const most = 128 * 1024 * 1024;
/** A body of so many octets at most is not worth counting: how many there are is limited by the connections. */
const small = 64 * 1024;

/** Refuse big bodies while others fill the memory that there is for them, before they are read. */
export function limitBodies(app: FastifyInstance, budget = most): void {
  let held = 0;
  app.addHook('onRequest', (request, reply, done) => {
    const octets = lengthOf(request);
    if (octets <= small || octets > request.routeOptions.bodyLimit) return done(); // too much for any: 413
    if (held > 0 && held + octets > budget) return done(overloaded());
    held += octets;
    reply.raw.once('close', () => (held -= octets));
    done();
  });
}

/** Octets that a body says it has, or may have when it does not say. */
function lengthOf({ headers, routeOptions }: FastifyRequest): number {
  if (headers['transfer-encoding'] !== undefined) return routeOptions.bodyLimit;
  return Number(headers['content-length'] ?? 0);
}

function overloaded(): KmsError {
  return new KmsError('overloaded', 'too many big requests are under way: try again in a moment', {
    details: { retryAfterSeconds: 1 },
  });
}
