import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';

/**
 * An HTTP/1.1 client that costs next to nothing: it shares the cores with the server that it measures. It sends the same
 * request over and over on one connection and understands answers with a Content-Length only.
 */
export class RawClient {
  readonly #socket: Socket;
  #pending: ((status: number) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;
  #chunks: Buffer[] = [];
  #size = 0;
  #expected = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#failed?.(error));
    socket.on('close', () => this.#failed?.(new Error('the server closed the connection')));
  }

  /** Send a whole request and return the status of its answer once all of it is here. */
  send(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#pending = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  /** The last answer's body. */
  body(): string {
    const whole = Buffer.concat(this.#chunks);
    return whole.subarray(whole.indexOf('\r\n\r\n') + 4).toString();
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#size >= this.#expected && this.#expected > 0) this.#reset();
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#expected === 0) this.#readHead();
    if (this.#expected > 0 && this.#size >= this.#expected) {
      this.#pending?.(Number(this.#chunks[0]?.toString('latin1', 9, 12)));
    }
  }

  #readHead(): void {
    const head = Buffer.concat(this.#chunks);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(head.toString('latin1', 0, end))?.[1];
    if (length === undefined) {
      this.#failed?.(new Error('an answer without Content-Length'));
      return;
    }
    this.#chunks = [head];
    this.#expected = end + 4 + Number(length);
  }

  #reset(): void {
    this.#chunks = [];
    this.#size = 0;
    this.#expected = 0;
  }
}

/** Connect to `http://host:port`. */
export function connectRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(new RawClient(socket)));
    socket.once('error', reject);
  });
}

/** Compose a POST of JSON, or of octets whose type is among the headers. */
export function composePost(url: string, headers: Readonly<Record<string, string>>, body: unknown): Buffer {
  const { host, pathname } = new URL(url);
  const octets = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
  const lines = { host, 'content-type': 'application/json', ...headers, 'content-length': String(octets.length) };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head.join('')}\r\n`), octets]);
}
