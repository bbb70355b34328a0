import type { Dispatcher, Pool } from 'undici';
// From behind the front of the package, which loads fetch, caches and WebSockets too and takes thrice as long.
import ConnectionPool from 'undici/lib/dispatcher/pool.js';
import { joinBytes } from '#lib/bytes.ts';

/** What goes over the wire. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** What comes back. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

interface Place {
  readonly pool: Pool;
  /** Path of the KMS at its origin; empty at the root. */
  readonly base: string;
}

/** Connections by address, shared by all clients of it: a client is made for each request, a connection is not. */
const places = new Map<string, Place>();

function placeOf(url: string): Place {
  let place = places.get(url);
  if (place === undefined) places.set(url, (place = openPlace(url)));
  return place;
}

function openPlace(url: string): Place {
  const options = { connections: 16, pipelining: 1, keepAliveTimeout: 4000 };
  if (url.startsWith('unix:')) {
    const connect = { socketPath: url.slice('unix:'.length) };
    return { pool: new ConnectionPool('http://kms.internal', { ...options, connect }), base: '' };
  }
  const { origin, pathname } = new URL(url);
  return { pool: new ConnectionPool(origin, options), base: pathname.replace(/\/+$/, '') };
}

/** Close all connections to a KMS. */
export async function closePlace(url: string): Promise<void> {
  const place = places.get(url);
  places.delete(url);
  await place?.pool.close();
}

/**
 * Send a request once and read the whole answer.
 *
 * @param timeout milliseconds until it is given up
 * @throws Error when there is no answer
 */
export function send(url: string, { path, body, ...request }: HttpRequest, timeout: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { pool, base } = placeOf(url);
    const options = { ...request, path: base + path, body: body ?? null, headersTimeout: 0, bodyTimeout: 0 };
    pool.dispatch(options, new Exchange(resolve, reject, timeout));
  });
}

/** One request under way. What undici makes of it for streams is not needed here, and takes as long as the rest. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #late: Error | undefined;
  #status = 0;
  #headers: HttpAnswer['headers'] = {};
  #chunks: Uint8Array[] = [];

  constructor(resolve: (answer: HttpAnswer) => void, reject: (error: Error) => void, timeout: number) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => this.#giveUp(new Error(`there was no answer within ${timeout} ms`)), timeout);
  }

  /** One that waits for a connection yet is taken back when it gets it. */
  #giveUp(error: Error): void {
    this.#late = error;
    this.#controller?.abort(error);
    this.#reject(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#late !== undefined) controller.abort(this.#late);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: HttpAnswer['headers']): void {
    this.#status = status;
    this.#headers = headers;
    this.#chunks = []; // what came with an interim answer
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    const [first, ...others] = this.#chunks;
    const body = first !== undefined && others.length === 0 ? first : joinBytes(...this.#chunks);
    this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#timer);
    this.#reject(error);
  }
}
