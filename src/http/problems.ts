import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '#lib/errors.ts';

/** Which status answers which error code. A code that is not here is answered as an opaque 500. */
export type ErrorStatuses = Readonly<Partial<Record<string, number>>>;

/** The codes of the shell itself. A module's own map may give one of them another status. */
export const shellStatuses = {
  'request-invalid': 400,
  'not-found': 404,
  'too-large': 413,
  'unsupported-media': 415,
  unavailable: 503,
} as const satisfies ErrorStatuses;

/** A request that the shell refuses before any module sees it. */
export class RequestError extends ServiceError<keyof typeof shellStatuses> {}

/** The body of every answer that is not a success. */
export interface Problem {
  readonly message: string;
  readonly code: string;
  readonly requestId: string;
  /** Facts for programs, such as the JSON pointer to the faulty field. Absent when there are none. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What Fastify refuses by itself, in our codes. */
const frameworkCodes: Readonly<Record<string, { code: keyof typeof shellStatuses; message: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'too-large', message: 'the body is larger than this call allows' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported-media',
    message: 'the content type of the body is not one that this call reads',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'request-invalid',
    message: 'the body is not as long as its Content-Length says',
  },
  FST_ERR_BAD_URL: { code: 'request-invalid', message: 'the path is not validly percent-encoded' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'not-found', message: 'a segment of the path is too long to be anything' },
};

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Decide what the caller is told about anything that was thrown. */
export function answerFor(error: unknown, statuses: ErrorStatuses): Answer {
  const known = error instanceof ServiceError ? error : fromFramework(error);
  const status = known && (statuses[known.code] ?? (shellStatuses as ErrorStatuses)[known.code]);
  if (known === undefined || status === undefined || status === 500) {
    return {
      status: 500,
      code: 'internal',
      message: 'internal error; the log has it under this request id',
      details: {},
    };
  }
  return { status, code: known.code, message: known.message, details: known.details };
}

function fromFramework(error: unknown): RequestError | undefined {
  const { code, statusCode, message } = error as Partial<FastifyError>;
  const known = frameworkCodes[code ?? ''];
  if (known !== undefined) return new RequestError(known.code, known.message, { cause: error });
  const refused = code?.startsWith('FST_') && statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  return refused ? new RequestError('request-invalid', message ?? 'bad request', { cause: error }) : undefined;
}

/** Make the error handler of a scope: the caller's faults are answered and noted, our own are answered opaquely and logged. */
export function errorHandler(statuses: ErrorStatuses) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const { status, code, message, details } = answerFor(error, statuses);
    if (status === 500) request.log.error({ err: error }, 'request failed');
    else if (status > 500 && error instanceof Error && error.cause !== undefined)
      request.log.warn({ code, err: error }, message);
    else request.log.info({ code, details }, message);
    const wait = details['retryAfterSeconds'];
    if (typeof wait === 'number') void reply.header('retry-after', String(Math.max(1, Math.ceil(wait))));
    const problem: Problem = {
      message,
      code,
      requestId: request.id,
      ...(Object.keys(details).length > 0 && { details }),
    };
    void reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(problem));
  };
}
