import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';
import { messageOf } from '#lib/errors.ts';
import { TransferError } from '#dnssec/adapters/transfer/transfer-error.ts';

/** Where a primary is. */
export interface PrimaryPlace {
  readonly host: string;
  readonly port: number;
  /**
   * Speak TLS and check who it is. `ca` is in PEM, by default those that Node trusts; `serverName` is the name in the
   * certificate, by default the host. Source: RFC 9103 §7.
   */
  readonly tls?: { readonly ca?: string; readonly serverName?: string } | undefined;
}

/** A connection whose every end has its reason. */
export interface PrimaryConnection {
  readonly socket: Socket;
  /** End it; whoever reads from it gets this error. */
  fail(error: TransferError): void;
  /** Return the reason why it ended instead of what its reader made of that. */
  explain(error: unknown): unknown;
  end(): void;
}

interface Limits {
  readonly signal: AbortSignal | undefined;
  /** Milliseconds, for all and until it stands. */
  readonly timeout: number;
  readonly patience: number;
}

/** Connect to a primary. @throws TransferError primary-unreachable, transfer-too-slow, transfer-ended */
export async function connectTo(
  place: PrimaryPlace,
  { signal, timeout, patience }: Limits,
): Promise<PrimaryConnection> {
  const where = `${place.host} port ${place.port}`;
  if (signal?.aborted === true) throw new TransferError('transfer-ended', 'the transfer was called off');
  const socket = place.tls === undefined ? connect(place) : openTls(place, place.tls);
  let reason: TransferError | undefined;
  const fail = (error: TransferError): void => {
    reason ??= error;
    socket.destroy(reason);
  };
  const late = (milliseconds: number): void =>
    fail(new TransferError('transfer-too-slow', `${where} was not done in ${milliseconds} ms`));
  const onAbort = (): void => fail(new TransferError('transfer-ended', 'the transfer was called off'));
  const timers = [setTimeout(late, timeout, timeout), setTimeout(late, patience, patience)];
  signal?.addEventListener('abort', onAbort);
  const end = (): void => {
    for (const timer of timers) clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    socket.destroy();
  };
  const explain = (error: unknown): unknown => {
    if (reason !== undefined || error instanceof TransferError) return reason ?? error;
    const isOfSystem = error instanceof Error && 'code' in error;
    const told = `the connection to ${where} failed: ${messageOf(error)}`;
    return isOfSystem ? new TransferError('primary-unreachable', told, { cause: error }) : error;
  };
  try {
    await once(socket, place.tls === undefined ? 'connect' : 'secureConnect');
  } catch (error) {
    end();
    throw explain(error);
  }
  clearTimeout(timers[1]);
  socket.on('error', () => undefined); // whoever reads is told of it
  return { socket, fail, explain, end };
}

function openTls({ host, port }: PrimaryPlace, { ca, serverName }: NonNullable<PrimaryPlace['tls']>): Socket {
  const name = serverName ?? (isIP(host) === 0 ? host : undefined);
  return connectSecurely({
    host,
    port,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['dot'],
    ...(ca === undefined ? {} : { ca }),
    ...(name === undefined ? {} : { servername: name }),
  });
}
