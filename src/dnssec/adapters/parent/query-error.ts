import { ServiceError } from '#lib/errors.ts';

/** Why a server could not be asked; `no-route` where this machine has no way to addresses of that kind. */
export type QueryErrorCode = 'no-route' | 'server-unreachable' | 'no-answer' | 'answer-malformed';

/** A question that got no answer of use. */
export class QueryError extends ServiceError<QueryErrorCode> {}

const noRoute: ReadonlySet<unknown> = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Tell what an error of a socket means for a question. */
export function queryErrorOf(error: unknown, where: string): QueryError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return noRoute.has(code)
    ? new QueryError('no-route', `there is no way to ${where} from here`, { cause: error })
    : new QueryError('server-unreachable', `${where} cannot be reached: ${String(code ?? error)}`, { cause: error });
}
