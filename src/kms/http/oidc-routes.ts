import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { KmsError } from '#kms/core/errors.ts';
import { describe } from '#kms/http/route.ts';
import { parseBasic } from '#kms/operations/authenticate.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { issueAccessToken } from '#kms/operations/credentials.ts';

/** The token endpoint for client credentials. Source: RFC 6749 §4.4. */
export const oidcRoutes: FastifyPluginAsync<{ ports: KmsPorts }> = async (app, { ports }) => {
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, text, done) =>
    done(null, new URLSearchParams(String(text))),
  );

  app.post<{ Body: URLSearchParams | undefined }>(
    '/token',
    {
      bodyLimit: 16_384,
      schema: {
        ...describe('Exchange client credentials for an access token', undefined, 200, 'Administration'),
        security: [],
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
      if (form.get('grant_type') !== 'client_credentials')
        return reply
          .code(400)
          .send(problem(request, 'unsupported_grant_type', 'grant_type must be client_credentials'));
      const { id, secret } = clientIn(request.headers.authorization, form);
      try {
        const origin = { requestId: request.id, address: request.ip };
        const { token, lifetime } = await issueAccessToken(ports, id, secret, origin);
        return { access_token: token.reveal(), token_type: 'Bearer', expires_in: lifetime };
      } catch (error) {
        if (!(error instanceof KmsError) || error.code !== 'unauthenticated') throw error;
        void reply.header('www-authenticate', 'Basic realm="zoneseal"');
        return reply.code(401).send(problem(request, 'invalid_client', error.message));
      }
    },
  );
};

/** Credentials by HTTP Basic, where both parts are URL-encoded, or in the form. Source: RFC 6749 §2.3.1. */
function clientIn(authorization: string | undefined, form: URLSearchParams): { id: string; secret: string } {
  const basic = /^basic +(\S+)$/i.exec(authorization ?? '')?.[1];
  const pair = basic === undefined ? undefined : parseBasic(basic);
  if (pair !== undefined) return { id: decodeForm(pair.user), secret: decodeForm(pair.secret) };
  return { id: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' };
}

function decodeForm(text: string): string {
  return new URLSearchParams(`value=${text}`).get('value') ?? '';
}

/** RFC 6749 §5.2 names the members; the others are those of all our errors. */
function problem({ id }: FastifyRequest, error: string, message: string) {
  return { error, error_description: message, message, code: error, requestId: id };
}
