import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { DnssecError } from '#dnssec/core/errors.ts';

/**
 * Give a body in pieces, and no more than so many octets of it. Who is refused in its middle is still answered.
 *
 * @throws DnssecError too-large
 */
export async function* piecesOf(
  { headers }: Pick<FastifyRequest, 'headers'>,
  payload: Readable,
  limit: number,
): AsyncGenerator<Uint8Array> {
  const tooLarge = () =>
    new DnssecError('too-large', `the body has more than ${limit} octets, the most that is taken here`);
  if (Number(headers['content-length'] ?? 0) > limit) throw tooLarge();
  let octets = 0;
  for await (const piece of payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    octets += piece.length;
    if (octets > limit) throw tooLarge();
    yield piece;
  }
}
