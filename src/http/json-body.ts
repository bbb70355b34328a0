import type { FastifyInstance } from 'fastify';
import { parseSafeJson } from '#lib/safe-json.ts';

/**
 * Read JSON bodies and nothing else: other content types are 415 unless a route adds its parser. An empty body is no
 * body, since clients send the content type on calls without one.
 */
export function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    if (text.length === 0) {
      done(null, undefined);
      return;
    }
    try {
      done(null, parseSafeJson(String(text)));
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}
