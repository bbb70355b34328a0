import { ServiceError } from '#lib/errors.ts';
import type { SecretText } from '#lib/secret-text.ts';

/** The HTTP API of a running service, as one of its users calls it. */
export interface ApiCaller {
  /** Call with JSON, or with a text of another type, and read the answer as text. @throws ServiceError api-refused, api-unreachable */
  call(method: string, path: string, body?: ApiBody): Promise<string>;
}

export interface ApiBody {
  readonly type: string;
  readonly content: string;
}

export interface ApiOptions {
  readonly baseUrl: string;
  readonly token: SecretText;
  readonly organisation: string;
  readonly project?: string | undefined;
}

/** Make a caller that sends this token, organisation and project with every request. */
export function apiCaller({ baseUrl, token, organisation, project }: ApiOptions): ApiCaller {
  return {
    async call(method, path, body) {
      const request = {
        method,
        headers: {
          authorization: `Bearer ${token.reveal()}`,
          'x-organisation-identity': organisation,
          ...(project !== undefined && { 'x-project-identity': project }),
          ...(body !== undefined && { 'content-type': body.type }),
        },
        ...(body !== undefined && { body: body.content }),
      };
      const answer = await fetch(`${baseUrl}${path}`, request).catch((cause: unknown) => {
        throw new ServiceError('api-unreachable', `no answer from ${baseUrl}: is the service running there?`, {
          cause,
        });
      });
      const text = await answer.text();
      if (!answer.ok) throw new ServiceError('api-refused', `${method} ${path} answered ${answer.status}: ${text}`);
      return text;
    },
  };
}

/** A body of JSON. */
export function json(value: unknown): ApiBody {
  return { type: 'application/json', content: JSON.stringify(value) };
}
