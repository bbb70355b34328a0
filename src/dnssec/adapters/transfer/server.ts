import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { bytesFrom, type Octets, octetsFrom, readUint16, uint16 } from '#lib/octets.ts';
import { parseMessage, type Message, rcodes } from '#dnssec/adapters/transfer/message.ts';
import { refusal, respond, type ResponderOptions } from '#dnssec/adapters/transfer/responder.ts';
import { ServiceError } from '#lib/errors.ts';

export interface TransferServerOptions extends ResponderOptions {
  readonly host: string;
  /** 0 for any free port, the same for UDP and TCP. */
  readonly port: number;
  /** Told of failures that the asker learns nothing of. */
  readonly onError: (error: unknown) => void;
}

export interface TransferServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Connections at a time; more than secondaries need, and few enough to stay small. */
const mostConnections = 200;
/** Milliseconds that a connection may be silent. Source: RFC 7766 §6.2.3. */
const idleTime = 30_000;

/**
 * Serve zones to secondaries: SOA over UDP, and SOA, AXFR and IXFR over TCP.
 *
 * @throws Error of the system when the address cannot be had
 */
export async function openTransferServer(options: TransferServerOptions): Promise<TransferServer> {
  const tcp = createServer((socket) => void serveConnection(socket, options));
  tcp.maxConnections = mostConnections;
  tcp.listen(options.port, options.host);
  await once(tcp, 'listening');
  const { port } = tcp.address() as { port: number };
  const closeUdp = await serveDatagrams(port, options).catch(async (error: unknown) => {
    await closed(tcp);
    throw error;
  });
  const connections = new Set<Socket>();
  tcp.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return {
    port,
    async close() {
      for (const socket of connections) socket.destroy();
      await Promise.all([closed(tcp), closeUdp()]);
    },
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

async function serveDatagrams(port: number, options: TransferServerOptions): Promise<() => Promise<void>> {
  const socket = createSocket(options.host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, { address, port: from }) => {
    void (async () => {
      const request = readRequest(bytes);
      if (request === undefined) return;
      for await (const message of answers(request, { address, isTcp: false }, options))
        socket.send(bytesFrom(message), from, address);
    })().catch(options.onError);
  });
  socket.on('error', options.onError);
  socket.bind(port, options.host);
  await once(socket, 'listening');
  return () => new Promise((resolve) => socket.close(() => resolve()));
}

/** What is no request, or an answer to nobody, is not answered. */
function readRequest(bytes: Uint8Array): Message | undefined {
  try {
    const message = parseMessage(bytes);
    return message.isResponse ? undefined : message;
  } catch (error) {
    if (error instanceof ServiceError) return undefined;
    throw error;
  }
}

async function* answers(
  request: Message,
  source: Parameters<typeof respond>[1],
  options: TransferServerOptions,
): AsyncGenerator<Octets> {
  let isStarted = false;
  try {
    for await (const message of respond(request, source, options)) {
      yield message;
      isStarted = true;
    }
  } catch (error) {
    // An answer that was begun ends with its connection: half a zone must not look like a whole one.
    if (isStarted) throw error;
    options.onError(error);
    yield refusal(
      request,
      error instanceof ServiceError && error.code === 'rdata-invalid' ? rcodes.formErr : rcodes.servFail,
    );
  }
}

/** Answer the requests of a connection one after the other. Source: RFC 7766 §6.2.1. */
async function serveConnection(socket: Socket, options: TransferServerOptions): Promise<void> {
  socket.setTimeout(idleTime, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  try {
    for await (const bytes of messagesOf(socket)) {
      const request = readRequest(bytes);
      if (request === undefined) return;
      for await (const message of answers(request, { address, isTcp: true }, options)) {
        const framed = bytesFrom(`${uint16(message.length)}${message}` as Octets);
        if (!socket.write(framed)) await drained(socket);
      }
    }
  } catch (error) {
    options.onError(error);
  } finally {
    socket.destroySoon();
  }
}

/** Wait until a socket takes more. @throws Error when it closes instead */
async function drained(socket: Socket): Promise<void> {
  if (socket.destroyed) throw new Error('the connection was closed');
  const gone = new AbortController();
  const close = once(socket, 'close', { signal: gone.signal }).then(() => {
    throw new Error('the connection was closed');
  });
  try {
    await Promise.race([once(socket, 'drain', { signal: gone.signal }), close]);
  } finally {
    gone.abort();
    close.catch(() => undefined);
  }
}

/** Cut a stream into messages, each with its length as 16 bits before it. Source: RFC 1035 §4.2.2. */
export async function* messagesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = new Uint8Array();
  for await (const piece of stream) {
    const bytes = new Uint8Array(rest.length + piece.length);
    bytes.set(rest);
    bytes.set(piece, rest.length);
    rest = bytes;
    while (rest.length >= 2) {
      const end = 2 + readUint16(octetsFrom(rest, 0, 2), 0);
      if (rest.length < end) break;
      yield rest.slice(2, end);
      rest = rest.slice(end);
    }
  }
}
