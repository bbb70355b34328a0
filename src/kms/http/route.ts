import type { FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';

/** Octets of a batch. */
export const batchBodyLimit = 64 * 1024 * 1024;

export const RegionPath = Type.Object({ region: Type.String({ maxLength: 255 }) });
export const KeyPath = Type.Object({ region: Type.String({ maxLength: 255 }), id: Type.String({ maxLength: 255 }) });

/** What the OpenAPI document says of a route. */
export function describe<Answer extends TSchema>(summary: string, answer?: Answer, status = 200, tag = 'KMS') {
  return { summary, tags: [tag], ...(answer === undefined ? {} : { response: { [status]: answer } }) };
}

/** For calls that may come without a body, which is the same as an empty one. */
export const emptyBodyAllowed = {
  preValidation: async (request: FastifyRequest): Promise<void> => {
    request.body ??= {};
  },
};
