import { randomUUID } from 'node:crypto';
import { Agent, request } from 'undici';
import { type TSchema, type Static } from 'typebox';
import { Check } from 'typebox/value';
import { KmsKey, PublicKeys, type SignBatchResponse, Summary } from '#kms/api.ts';
import { parseTagged } from '#kms/core/formats.ts';
import { ServiceError } from '#lib/errors.ts';
import { encodeBase64 } from '#lib/encoding.ts';

/** Where a KMS is, and who asks it. */
export interface KmsClientOptions {
  /** Base URL, or `unix:` and the path of a socket. */
  readonly url: string;
  /** Value of the `Authorization` header. */
  readonly authorization: string;
  readonly organisation: string;
  readonly project?: string;
  readonly region: string;
  /** Milliseconds that one try may take. Default 30 s. */
  readonly timeout?: number;
  /** Tries in all, for what may pass by itself. Default 5. */
  readonly tries?: number;
}

/** `unreachable`: no answer after all tries. `refused`: the KMS said no. `invalid-answer`: it broke the contract. */
export type KmsClientErrorCode = 'unreachable' | 'refused' | 'invalid-answer';

/** A call that failed; `details` has the status and the KMS's own code where there was an answer. */
export class KmsClientError extends ServiceError<KmsClientErrorCode> {
  /** HTTP status of the answer, if there was one. */
  get status(): number | undefined {
    return this.details['status'] as number | undefined;
  }
}

export interface KmsSignature {
  readonly signature: Uint8Array;
  readonly keyVersion: number;
}

export interface SignBatchRequest {
  readonly keyVersion: number;
  readonly inputs: readonly Uint8Array[];
  readonly hashAlgorithm?: string;
  readonly signatureAlgorithm?: string;
}

const defaults = { timeout: 30_000, tries: 5, firstPause: 100, longestPause: 5000 };

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Statuses that say "later", and not "no". */
const passing: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Connections by address, shared by all clients of it: a client is made for each request, a connection is not. */
const agents = new Map<string, Agent>();

function agentFor(url: string): { origin: string; agent: Agent } {
  const socketPath = url.startsWith('unix:') ? url.slice('unix:'.length) : undefined;
  let agent = agents.get(url);
  if (agent === undefined) {
    agent = new Agent({
      connections: 16,
      pipelining: 1,
      keepAliveTimeout: 4000,
      ...(socketPath === undefined ? {} : { connect: { socketPath } }),
    });
    agents.set(url, agent);
  }
  return { origin: socketPath === undefined ? url.replace(/\/+$/, '') : 'http://kms.internal', agent };
}

/** Close all connections to a KMS. */
export async function closeKmsConnections(url: string): Promise<void> {
  const agent = agents.get(url);
  agents.delete(url);
  await agent?.close();
}

/**
 * A client of the KMS contract. What may pass by itself (no answer, 429, 502–504) is tried again with growing pauses;
 * calls that create something carry an idempotency key, so that a repeated one makes nothing twice.
 */
export class KmsClient {
  readonly #options: KmsClientOptions;

  constructor(options: KmsClientOptions) {
    this.#options = options;
  }

  summary(): Promise<Summary> {
    return this.#call('GET', '/v1/kms/summary', Summary);
  }

  getKey(id: string): Promise<KmsKey> {
    return this.#call('GET', this.#keyPath(id), KmsKey);
  }

  async listKeys(
    filter: { readonly labels?: Readonly<Record<string, string>>; readonly name?: string } = {},
  ): Promise<KmsKey[]> {
    const query = new URLSearchParams(filter.name === undefined ? {} : { name: filter.name });
    for (const [label, value] of Object.entries(filter.labels ?? {})) query.set(`matchLabels[${label}]`, value);
    const path = `${this.#regionPath()}/keys?${query.toString()}`;
    const keys = await this.#call('GET', path, undefined, undefined, (answer) => answer);
    if (!Array.isArray(keys) || !keys.every((key) => Check(KmsKey, key))) throw invalidAnswer('the list of keys');
    return keys;
  }

  createKey(key: {
    readonly name: string;
    readonly keyType: string;
    readonly labels?: Readonly<Record<string, string>>;
  }): Promise<KmsKey> {
    return this.#call('POST', `${this.#regionPath()}/keys`, KmsKey, key);
  }

  rotateKey(id: string): Promise<KmsKey> {
    return this.#call('POST', `${this.#keyPath(id)}/rotate`, KmsKey);
  }

  /** Exported public keys by version. */
  async publicKeys(id: string): Promise<Map<number, string>> {
    const { keys } = await this.#call('GET', `${this.#keyPath(id)}/public-key`, PublicKeys);
    return new Map(Object.entries(keys).map(([version, text]) => [Number(version), text]));
  }

  /**
   * Sign all inputs with one pinned version.
   *
   * @throws KmsClientError refused when any item failed, or another version signed
   */
  async signBatch(id: string, { inputs, keyVersion, ...choices }: SignBatchRequest): Promise<Uint8Array[]> {
    const body = {
      ...choices,
      keyVersion: String(keyVersion),
      batch: inputs.map((input) => ({ input: encodeBase64(input) })),
    };
    const { results } = await this.#call(
      'POST',
      `${this.#keyPath(id)}/sign`,
      undefined,
      body,
      (answer) => answer as SignBatchResponse,
    );
    if (!Array.isArray(results) || results.length !== inputs.length) throw invalidAnswer('the batch of signatures');
    return results.map((result) => signatureIn(result, keyVersion));
  }

  /**
   * Call a path of the KMS with JSON, with retries as all calls have them.
   *
   * @param path below the root, `/v1/…`
   * @returns the parsed answer; undefined when it has no body
   */
  call(method: Method, path: string, body?: object): Promise<unknown> {
    return this.#call(method, path, undefined, body, (answer) => answer);
  }

  /** Path of the keys of the client's region, or of one of them. */
  keysPath(id?: string): string {
    return id === undefined ? `${this.#regionPath()}/keys` : this.#keyPath(id);
  }

  /** Path of the client's region. */
  regionPath(): string {
    return this.#regionPath();
  }

  #regionPath(): string {
    return `/v1/kms/${encodeURIComponent(this.#options.region)}`;
  }

  #keyPath(id: string): string {
    return `${this.#regionPath()}/keys/${encodeURIComponent(id)}`;
  }

  async #call<Schema extends TSchema>(
    method: Method,
    path: string,
    schema: Schema,
    body?: object,
  ): Promise<Static<Schema>>;
  async #call<Answer>(
    method: Method,
    path: string,
    schema: undefined,
    body: object | undefined,
    read: (answer: unknown) => Answer,
  ): Promise<Answer>;
  async #call(
    method: Method,
    path: string,
    schema: TSchema | undefined,
    body?: object,
    read?: (answer: unknown) => unknown,
  ): Promise<unknown> {
    const { tries = defaults.tries } = this.#options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const idempotencyKey = method === 'POST' ? randomUUID() : undefined;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#try(method, path, text, idempotencyKey);
      if (!(outcome instanceof Failure)) {
        if (schema !== undefined && !Check(schema, outcome)) throw invalidAnswer(path);
        return read === undefined ? outcome : read(outcome);
      }
      if (!outcome.mayPass || attempt >= tries) throw outcome.error;
      await pause(outcome.waitSeconds ?? backoff(attempt));
    }
  }

  async #try(
    method: Method,
    path: string,
    text: string | undefined,
    idempotencyKey: string | undefined,
  ): Promise<unknown> {
    const { url, authorization, organisation, project, timeout = defaults.timeout } = this.#options;
    const { origin, agent } = agentFor(url);
    const headers: Record<string, string> = {
      authorization,
      'x-organisation-identity': organisation,
      accept: 'application/json',
    };
    if (project !== undefined) headers['x-project-identity'] = project;
    if (idempotencyKey !== undefined) headers['idempotency-key'] = idempotencyKey;
    if (text !== undefined) headers['content-type'] = 'application/json';
    try {
      const signal = AbortSignal.timeout(timeout);
      const answer = await request(`${origin}${path}`, {
        method,
        headers,
        dispatcher: agent,
        signal,
        ...(text === undefined ? {} : { body: text }),
      });
      const content = await answer.body.text();
      if (answer.statusCode === 204) return undefined;
      if (answer.statusCode >= 200 && answer.statusCode < 300) return parseAnswer(content, path);
      return refusal(answer.statusCode, content, answer.headers['retry-after']);
    } catch (error) {
      if (error instanceof KmsClientError) throw error;
      return new Failure(
        new KmsClientError('unreachable', `the KMS at ${url} gives no answer`, { cause: error }),
        true,
      );
    }
  }
}

/** A try that failed, and whether another may succeed. */
class Failure {
  readonly error: KmsClientError;
  readonly mayPass: boolean;
  readonly waitSeconds: number | undefined;

  constructor(error: KmsClientError, mayPass: boolean, waitSeconds?: number) {
    this.error = error;
    this.mayPass = mayPass;
    this.waitSeconds = waitSeconds;
  }
}

function refusal(status: number, content: string, retryAfter: string | string[] | undefined): Failure {
  const { message, code, requestId } = problemIn(content);
  const error = new KmsClientError('refused', `the KMS answered ${status}: ${message}`, {
    details: { status, code, requestId },
  });
  const wait = Number(retryAfter);
  return new Failure(error, passing.has(status), Number.isFinite(wait) && wait > 0 ? Math.min(wait, 30) : undefined);
}

function problemIn(content: string): { message: string; code?: string; requestId?: string } {
  try {
    const problem: unknown = JSON.parse(content);
    if (
      typeof problem === 'object' &&
      problem !== null &&
      'message' in problem &&
      typeof problem.message === 'string'
    ) {
      return problem as { message: string };
    }
  } catch {
    // not JSON: a proxy's page says no more than the status
  }
  return { message: 'without a message' };
}

function parseAnswer(content: string, path: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new KmsClientError('invalid-answer', `the KMS answered ${path} with something that is not JSON`, {
      cause: error,
    });
  }
}

function invalidAnswer(what: string): KmsClientError {
  return new KmsClientError('invalid-answer', `the KMS's answer breaks the contract: ${what}`);
}

/** Take a signature out of a result; the version stands in two places, and both must be the one that was asked for. */
function signatureIn(result: SignBatchResponse['results'][number] | undefined, keyVersion: number): Uint8Array {
  if (result === undefined || typeof result !== 'object') throw invalidAnswer('a signature');
  if ('error' in result)
    throw new KmsClientError('refused', `the KMS did not sign: ${result.error.message}`, {
      details: { code: result.error.code },
    });
  if (typeof result.signature !== 'string') throw invalidAnswer('a signature');
  const { version, bytes } = parseTagged(result.signature, 'signature');
  if (version !== keyVersion || Number(result.keyVersion) !== keyVersion) {
    throw new KmsClientError(
      'refused',
      `the KMS signed with version ${result.keyVersion} where version ${keyVersion} was asked for`,
    );
  }
  return bytes;
}

/** Seconds before the next try: doubling, with a random half. */
function backoff(attempt: number): number {
  const full = Math.min(defaults.firstPause * 2 ** (attempt - 1), defaults.longestPause);
  return (full / 2 + (Math.random() * full) / 2) / 1000;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
