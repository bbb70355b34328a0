import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { piecesOf } from '#dnssec/http/body-pieces.ts';
import { LongTextSplitter } from '#lib/long-text-splitter.ts';
import { parseSafeJson } from '#lib/safe-json.ts';
import { openSpool, type Spool } from '#lib/spool.ts';

interface LongText {
  readonly token: string;
  readonly spool: Spool;
}

/** Finds the long text of a request. */
export interface LongTexts {
  /** Return the file that a value stands for, if it is not the text itself. */
  find(request: FastifyRequest, value: string): Spool | undefined;
}

/**
 * Read JSON bodies of which one text may be very long: that goes into a file as it comes, and something that stands for it
 * goes through the checks of the body. The files are there until the answer was sent.
 *
 * @param limit octets of a body
 */
export function takeLongTexts(app: FastifyInstance, limit: number): LongTexts {
  const texts = new WeakMap<FastifyRequest, LongText>();
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: Readable) => {
    const token = randomUUID();
    const splitter = new LongTextSplitter(token);
    for await (const piece of piecesOf(request, payload, limit)) {
      const text = splitter.push(piece);
      if (splitter.hasLong && !texts.has(request)) texts.set(request, { token, spool: await openSpool() });
      if (text !== '') await texts.get(request)?.spool.write(text);
    }
    const rest = splitter.end();
    return rest === '' ? undefined : parseSafeJson(rest, !splitter.hasLong);
  });
  app.addHook('onResponse', async (request) => {
    await texts.get(request)?.spool[Symbol.asyncDispose]();
  });
  return {
    find(request, value) {
      const text = texts.get(request);
      return text?.token === value ? text.spool : undefined;
    },
  };
}
