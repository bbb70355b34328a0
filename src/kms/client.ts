import { randomUUID } from 'node:crypto';
import { type Static, type TSchema, Type } from 'typebox';
import { Check } from 'typebox/schema';
import { KeyEventItem, KmsKey, PublicKeys, type SignBatchResponse, Summary } from '#kms/api.ts';
import { invalidAnswer, KmsClientError, signatureIn, signaturesIn } from '#kms/client-answers.ts';
import { closePlace, type HttpAnswer, type HttpRequest, send } from '#kms/client-connection.ts';
import { binaryBatchType, composeBinaryBatch } from '#kms/core/binary-batch.ts';
import { bufferView } from '#lib/bytes.ts';
import { encodeBase64 } from '#lib/encoding.ts';
import { pack, type Packed, runOf } from '#lib/packed.ts';

export { KmsClientError } from '#kms/client-answers.ts';

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

export interface SignBatchRequest {
  readonly keyVersion: number;
  readonly inputs: Packed;
  readonly hashAlgorithm?: string;
  readonly signatureAlgorithm?: string;
}

const defaults = { timeout: 30_000, tries: 5, firstPause: 100, longestPause: 5000 };

type Method = HttpRequest['method'];

/** Statuses that say "later", and not "no". */
const passing: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** So few inputs are sent as JSON: that gains nothing, and people can read it. */
const fewInputs = 32;
const unsupportedMedia = 415;
/** Addresses of KMSs that know no batches of octets. */
const readsJsonOnly = new Set<string>();

/** Close all connections to a KMS. */
export async function closeKmsConnections(url: string): Promise<void> {
  readsJsonOnly.delete(url);
  await closePlace(url);
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
    const keys = await this.#call('GET', path, undefined);
    if (!Array.isArray(keys) || !keys.every((key) => Check(KmsKey, key))) throw invalidAnswer('the list of keys');
    return keys;
  }

  createKey(key: {
    readonly name: string;
    readonly keyType: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly keyRotationEnabled?: boolean;
    readonly rotationPeriodInDays?: number;
  }): Promise<KmsKey> {
    return this.#call('POST', `${this.#regionPath()}/keys`, KmsKey, key);
  }

  /** Have a key rotated by the KMS itself from now on. */
  rotateEvery(id: string, rotationPeriodInDays: number): Promise<KmsKey> {
    const rotation = { keyRotationEnabled: true, rotationPeriodInDays };
    return this.#call('PATCH', `${this.#keyPath(id)}/rotation`, KmsKey, rotation);
  }

  /** Key events after a number, oldest first, up to some hundreds. */
  eventsAfter(number: number): Promise<KeyEventItem[]> {
    const path = `${this.#regionPath()}/events?after=${number}&limit=500`;
    return this.#call('GET', path, Type.Array(KeyEventItem));
  }

  /**
   * Make a new version of a key.
   *
   * @param idempotencyKey the same for calls that are to make one version together
   */
  async rotateKey(id: string, idempotencyKey: string = randomUUID()): Promise<KmsKey> {
    const path = `${this.#keyPath(id)}/rotate`;
    const octets = await this.#exchange({ method: 'POST', path, type: 'application/json', idempotencyKey });
    return answerOf(octets, path, KmsKey) as KmsKey;
  }

  /** Exported public keys by version. */
  async publicKeys(id: string): Promise<Map<number, string>> {
    const { keys } = await this.#call('GET', `${this.#keyPath(id)}/public-key`, PublicKeys);
    return new Map(Object.entries(keys).map(([version, text]) => [Number(version), text]));
  }

  /**
   * Sign all inputs with one pinned version. Many travel as octets, unless the KMS reads JSON only.
   *
   * @throws KmsClientError refused when any item failed, or another version signed
   */
  async signBatch(id: string, batch: SignBatchRequest): Promise<Packed> {
    if (batch.inputs.ends.length < fewInputs || readsJsonOnly.has(this.#options.url))
      return this.#signAsJson(id, batch);
    try {
      return await this.#signAsOctets(id, batch);
    } catch (error) {
      if (!(error instanceof KmsClientError) || error.status !== unsupportedMedia) throw error;
      readsJsonOnly.add(this.#options.url);
      return this.#signAsJson(id, batch);
    }
  }

  async #signAsOctets(id: string, { inputs, keyVersion, ...choices }: SignBatchRequest): Promise<Packed> {
    const body = composeBinaryBatch({ ...choices, keyVersion: String(keyVersion) }, inputs);
    const answer = await this.#exchange({
      method: 'POST',
      path: `${this.#keyPath(id)}/sign`,
      type: binaryBatchType,
      body,
    });
    return signaturesIn(answer, { count: inputs.ends.length, keyVersion });
  }

  async #signAsJson(id: string, { inputs, keyVersion, ...choices }: SignBatchRequest): Promise<Packed> {
    const body = {
      ...choices,
      keyVersion: String(keyVersion),
      batch: Array.from(inputs.ends, (_, index) => ({ input: encodeBase64(runOf(inputs, index)) })),
    };
    const { results } = (await this.#call('POST', `${this.#keyPath(id)}/sign`, undefined, body)) as SignBatchResponse;
    if (!Array.isArray(results) || results.length !== inputs.ends.length)
      throw invalidAnswer('the batch of signatures');
    return pack(results.map((result) => signatureIn(result, keyVersion)));
  }

  /**
   * Call a path of the KMS with JSON, with retries as all calls have them.
   *
   * @param path below the root, `/v1/…`
   * @returns the parsed answer; undefined when it has no body
   */
  call(method: Method, path: string, body?: object): Promise<unknown> {
    return this.#call(method, path, undefined, body);
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
  async #call(method: Method, path: string, schema: undefined, body?: object): Promise<unknown>;
  async #call(method: Method, path: string, schema: TSchema | undefined, body?: object): Promise<unknown> {
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const octets = await this.#exchange({ method, path, type: 'application/json', ...json });
    return answerOf(octets, path, schema);
  }

  /** Send a request until it is answered, or has failed for good. @returns the body; undefined when there is none */
  async #exchange(exchange: Exchange): Promise<Uint8Array | undefined> {
    const { tries = defaults.tries } = this.#options;
    const headers = this.#headers(exchange);
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#try(exchange, headers);
      if (!(outcome instanceof Failure)) return outcome;
      if (!outcome.mayPass || attempt >= tries) throw outcome.error;
      await pause(outcome.waitSeconds ?? backoff(attempt));
    }
  }

  #headers({ method, type, body, idempotencyKey = randomUUID() }: Exchange): Readonly<Record<string, string>> {
    const { authorization, organisation, project } = this.#options;
    return {
      authorization,
      'x-organisation-identity': organisation,
      accept: type === 'application/json' ? type : `${type}, application/json`,
      ...(project === undefined ? {} : { 'x-project-identity': project }),
      ...(method === 'POST' ? { 'idempotency-key': idempotencyKey } : {}),
      ...(body === undefined ? {} : { 'content-type': type }),
    };
  }

  async #try(
    { method, path, type, body }: Exchange,
    headers: Readonly<Record<string, string>>,
  ): Promise<Uint8Array | undefined | Failure> {
    const { url, timeout = defaults.timeout } = this.#options;
    let answer: HttpAnswer;
    try {
      answer = await send(url, { method, path, headers, ...(body === undefined ? {} : { body }) }, timeout);
    } catch (error) {
      const cause = new KmsClientError('unreachable', `the KMS at ${url} gives no answer`, { cause: error });
      return new Failure(cause, true);
    }
    const { status, body: octets } = answer;
    if (status === 204) return undefined;
    if (status < 200 || status >= 300)
      return refusal(status, bufferView(octets).toString(), answer.headers['retry-after']);
    if (type !== 'application/json' && answer.headers['content-type'] !== type) throw invalidAnswer(path);
    return octets;
  }
}

/** What goes over the wire and back, whatever it means. */
interface Exchange {
  readonly method: Method;
  readonly path: string;
  /** Content type of the body and of the answer. */
  readonly type: string;
  readonly body?: string | Uint8Array;
  readonly idempotencyKey?: string;
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

function answerOf(octets: Uint8Array | undefined, path: string, schema: TSchema | undefined): unknown {
  const answer = octets === undefined ? undefined : parseAnswer(bufferView(octets).toString(), path);
  if (schema !== undefined && !Check(schema, answer)) throw invalidAnswer(path);
  return answer;
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

/** Seconds before the next try: doubling, with a random half. */
function backoff(attempt: number): number {
  const full = Math.min(defaults.firstPause * 2 ** (attempt - 1), defaults.longestPause);
  return (full / 2 + (Math.random() * full) / 2) / 1000;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
