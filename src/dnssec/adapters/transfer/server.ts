import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { bytesFrom, type Octets } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { framed, messagesOf } from '#dnssec/adapters/messages/framing.ts';
import { composeFormatError, type Message, parseMessage, rcodes, refusal } from '#dnssec/adapters/messages/message.ts';
import { respond, type ResponderOptions } from '#dnssec/adapters/transfer/responder.ts';

export interface TransferServerOptions extends ResponderOptions {
  readonly host: string;
  /** 0 for any free port, the same for UDP and TCP. */
  readonly port: number;
  /** Serve over TLS too, on a port of its own (0 for any). Certificate chain and key in PEM. Source: RFC 9103 §7. */
  readonly tls?: { readonly port: number; readonly key: string; readonly cert: string };
  /** Told of failures that the asker learns nothing of. */
  readonly onError: (error: unknown) => void;
}

export interface TransferServer {
  readonly port: number;
  /** Of TLS, where it is served. */
  readonly tlsPort?: number;
  close(): Promise<void>;
}

/** Connections at a time, in all and of one address; more than secondaries need, and few enough to stay small. */
const mostConnections = 200;
const mostOfAddress = 50;
/** Milliseconds that a connection has for its next request, or to take what it is sent. Source: RFC 7766 §6.2.3. */
const patience = 30_000;

/**
 * Serve zones to secondaries: SOA over UDP, and SOA, AXFR and IXFR over TCP and TLS.
 *
 * @throws Error of the system when an address cannot be had
 */
export async function openTransferServer(options: TransferServerOptions): Promise<TransferServer> {
  const { host, port: wanted, tls } = options;
  const connections = new Connections(options);
  const opened = new AsyncDisposableStack();
  try {
    const port = await listen(createTcpServer({ allowHalfOpen: true }, connections.take), wanted, host, opened);
    opened.defer(await serveDatagrams(port, options));
    let secure: { readonly tlsPort?: number } = {};
    if (tls !== undefined) {
      const { key, cert } = tls;
      const version = { minVersion: 'TLSv1.3', ALPNProtocols: ['dot'] } as const;
      const settings = { key, cert, ...version, handshakeTimeout: patience };
      secure = { tlsPort: await listen(createTlsServer(settings, connections.take), tls.port, host, opened) };
    }
    opened.defer(() => connections.end());
    return { port, ...secure, close: () => opened.disposeAsync() };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function listen(server: Server, port: number, host: string, opened: AsyncDisposableStack): Promise<number> {
  server.maxConnections = mostConnections;
  server.listen(port, host);
  await once(server, 'listening');
  opened.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as { port: number }).port;
}

async function serveDatagrams(port: number, options: TransferServerOptions): Promise<() => Promise<void>> {
  const socket = createSocket(options.host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, { address, port: from }) => {
    void (async () => {
      for await (const message of answers(bytes, { address, isTcp: false }, options))
        socket.send(bytesFrom(message), from, address, () => undefined); // who cannot be reached asks again
    })().catch(options.onError);
  });
  socket.bind(port, options.host);
  await once(socket, 'listening').catch((error: unknown) => {
    socket.close();
    throw error;
  });
  socket.on('error', options.onError);
  return () => new Promise((resolve) => socket.close(() => resolve()));
}

/** Answer what claims to be a request; what claims to be an answer is not answered. */
async function* answers(
  bytes: Uint8Array,
  source: Parameters<typeof respond>[1],
  options: TransferServerOptions,
): AsyncGenerator<Octets> {
  const request = parseRequest(bytes);
  if (request === undefined) {
    const answer = composeFormatError(bytes);
    if (answer !== undefined) yield answer;
    return;
  }
  if (request.isResponse) return;
  let isStarted = false;
  try {
    for await (const message of respond(request, source, options)) {
      isStarted = true;
      yield message;
    }
  } catch (error) {
    // An answer that was begun ends with its connection: half a zone must not look like a whole one.
    if (isStarted) throw error;
    options.onError(error);
    yield refusal(request, rcodes.servFail);
  }
}

function parseRequest(bytes: Uint8Array): Message | undefined {
  try {
    return parseMessage(bytes);
  } catch (error) {
    if (error instanceof DnsError) return undefined;
    throw error;
  }
}

/** The connections that are open. */
class Connections {
  readonly #open = new Set<Socket>();
  readonly #ofAddress = new Map<string, number>();
  readonly #options: TransferServerOptions;

  constructor(options: TransferServerOptions) {
    this.#options = options;
  }

  readonly take = (socket: Socket): void => {
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const count = (this.#ofAddress.get(address) ?? 0) + 1;
    socket.on('error', () => socket.destroy()); // the asker hung up: nothing is wrong with us
    if (count > mostOfAddress || address === '') {
      socket.destroy();
      return;
    }
    this.#open.add(socket);
    this.#ofAddress.set(address, count);
    socket.once('close', () => {
      this.#open.delete(socket);
      const left = (this.#ofAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#ofAddress.set(address, left);
      else this.#ofAddress.delete(address);
    });
    void serveConnection(socket, address, this.#options);
  };

  end(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** Answer the requests of a connection one after the other. Source: RFC 7766 §6.2.1. */
async function serveConnection(socket: Socket, address: string, options: TransferServerOptions): Promise<void> {
  // Not the time that the socket is silent: one octet every now and then would keep it open for ever.
  const timer = setTimeout(() => socket.destroy(), patience);
  try {
    // An asker may end its side after its last request: the answer is still sent whole.
    for await (const bytes of messagesOf(socket.iterator({ destroyOnReturn: false }))) {
      timer.refresh();
      for await (const message of answers(bytes, { address, isTcp: true }, options)) {
        if (!socket.write(framed(bytesFrom(message)))) await drained(socket);
        timer.refresh();
      }
    }
  } catch (error) {
    if (!socket.destroyed) options.onError(error);
  } finally {
    clearTimeout(timer);
    socket.destroySoon();
  }
}

/** Wait until a socket takes more. @throws Error when it closes instead */
async function drained(socket: Socket): Promise<void> {
  const gone = new AbortController();
  const close = once(socket, 'close', { signal: gone.signal }).then(() => {
    throw new Error('the connection was closed');
  });
  try {
    if (socket.destroyed) throw new Error('the connection was closed');
    await Promise.race([once(socket, 'drain', { signal: gone.signal }), close]);
  } finally {
    gone.abort();
    close.catch(() => undefined);
  }
}
