import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { type FastifyBaseLogger, fastify, type FastifyInstance, LogController, type RawServerDefault } from 'fastify';
import type { Logger } from 'pino';
import type { DocumentationOptions } from '#app/http/documentation.ts';
import { readJsonBodies } from '#app/http/json-body.ts';
import { refuseMalformed } from '#app/http/malformed.ts';
import { errorHandler, type ErrorStatuses, RequestError } from '#app/http/problems.ts';
import { requestValidator, validationError } from '#app/http/validation.ts';
import { createLogger } from '#app/logger.ts';

export type { ErrorStatuses } from '#app/http/problems.ts';
export { listenOnSocket, listenOnTcp } from '#app/http/listen.ts';

export type HttpApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface HttpOptions {
  /** Silent without one. */
  readonly logger?: Logger;
  /** Octets of a body, unless a route says otherwise. Default 1 MiB. */
  readonly bodyLimit?: number;
  /**
   * Compile the schema of a request when it first comes, and none of answers: they are hundreds, and whoever starts the
   * service for one task needs a few. Wrong ones are found late then, and what an answer has beyond its schema goes out,
   * so that what serves others does without.
   */
  readonly compileWhenUsed?: boolean;
  /** Serve `/openapi.json` and `/docs`. */
  readonly documentation?: DocumentationOptions;
}

/**
 * Make an HTTP application without routes. Every answer carries `X-Request-Id`, every failure the same form of body,
 * and there are no redirects. Modules are added with `mount`.
 */
export async function createHttp(options: HttpOptions = {}): Promise<HttpApp> {
  const logger: FastifyBaseLogger = options.logger ?? createLogger('silent');
  const app: HttpApp = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: requestIdOf,
    bodyLimit: options.bodyLimit ?? 1_048_576,
    routerOptions: { maxParamLength: 1100 }, // a domain name of 255 octets takes up to 1004 characters
    forceCloseConnections: 'idle',
    requestTimeout: 300_000,
    exposeHeadRoutes: true,
    schemaErrorFormatter: validationError,
    frameworkErrors: (error, request, reply) => {
      void reply.header('x-request-id', request.id);
      errorHandler({})(error, request, reply);
    },
    clientErrorHandler: refuseMalformed,
  }).withTypeProvider<TypeBoxTypeProvider>();
  readJsonBodies(app);
  app.setValidatorCompiler(requestValidator(options.compileWhenUsed));
  if (options.compileWhenUsed === true) app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  addHooks(app);
  app.setErrorHandler(errorHandler({}));
  app.setNotFoundHandler(({ method, url }) => {
    throw new RequestError('not-found', `there is nothing at ${method} ${url.split('?', 1)[0]?.slice(0, 200)}`);
  });
  if (options.documentation !== undefined) {
    const { serveDocumentation } = await import('#app/http/documentation.ts');
    await serveDocumentation(app, options.documentation);
  }
  return app;
}

function addHooks(app: HttpApp): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    // No name has it, and not every database can be asked for it.
    if (request.url.includes('%00'))
      done(new RequestError('request-invalid', 'the path or the query has U+0000 in it'));
    else done();
  });
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close'); // else the connection idles on and holds up the close
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { statusCode, elapsedTime } = reply;
    const path = request.url.split('?', 1)[0];
    request.log.info(
      { method: request.method, path, status: statusCode, milliseconds: Math.round(elapsedTime) },
      'answered',
    );
    done();
  });
}

/**
 * Add a module's routes in a scope of their own, with the module's map from error codes to status codes.
 *
 * @param statuses what each of the module's codes is answered with; a code that is not in it is an opaque 500
 */
export async function mount<Options extends object>(
  app: HttpApp,
  routes: FastifyPluginAsyncTypebox<Options>,
  options: Options & { prefix?: string },
  statuses: ErrorStatuses,
): Promise<void> {
  const { prefix, ...rest } = options;
  await app.register(
    async (scope) => {
      scope.setErrorHandler(errorHandler(statuses));
      await scope.register(routes, rest as never);
    },
    prefix === undefined ? {} : { prefix },
  );
}

/**
 * Stop listening, let the requests under way finish, end idle connections at once, and all others after the grace time.
 *
 * @param graceMilliseconds how long requests under way may still take
 */
export async function closeHttp(app: HttpApp, graceMilliseconds: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), graceMilliseconds);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

const usableId = /^[\w.:-]{1,64}$/;

/** Keep the caller's id, so that one id follows a request from service to service, if it is fit for a log. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && usableId.test(given) ? given : `req-${randomUUID()}`;
}
