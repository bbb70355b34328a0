import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';

export interface DocumentationOptions {
  readonly title: string;
  readonly description: string;
  readonly version: string;
}

/**
 * Serve the OpenAPI document at `/openapi.json` and a browsable page at `/docs`, both made of the route schemas.
 * Must be awaited before any route is added.
 */
export async function serveDocumentation(app: FastifyInstance, info: DocumentationOptions): Promise<void> {
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: { ...info },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: info.title },
    uiConfig: { url: '/openapi.json', deepLinking: true, docExpansion: 'list', defaultModelsExpandDepth: 0 },
    staticCSP: "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    uiHooks: {
      // The page at this path is only a redirect to /docs, and this service never redirects.
      onRequest: (request, reply, done) => {
        if (request.routeOptions.url?.endsWith('/static/index.html')) reply.callNotFound();
        else done();
      },
    },
  });
}
