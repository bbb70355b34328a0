import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { bytesFrom, type Octets } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { canonicalName, type CanonicalName } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import { QueryError, queryErrorOf } from '#dnssec/adapters/parent/query-error.ts';
import { connectTo } from '#dnssec/adapters/transfer/connect.ts';
import { framed, messagesOf } from '#dnssec/adapters/messages/framing.ts';
import {
  classIn,
  composeMessage,
  type Message,
  type NewMessage,
  opcodes,
  parseMessage,
  rcodes,
} from '#dnssec/adapters/messages/message.ts';
import { receiveMessage } from '#dnssec/adapters/messages/receive-message.ts';
import { TransferError } from '#dnssec/adapters/transfer/transfer-error.ts';

/** Where a server is: an IP address and a port. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What a server is asked, or told. */
export interface Request extends Pick<NewMessage, 'isRecursionDesired' | 'isAuthoritative'> {
  readonly name: CanonicalName;
  readonly type: RRType;
  /** Default `query`. */
  readonly opcode?: number;
}

export interface Patience {
  /** Milliseconds that an answer by UDP is waited for, try by try. */
  readonly waits: readonly number[];
  /** Milliseconds until an answer by TCP has come. */
  readonly tcpWait: number;
  readonly signal?: AbortSignal | undefined;
}

/** Octets that pass nearly all links in one piece, as was agreed for the DNS flag day of 2020. */
const payloadSize = 1232;

/**
 * Ask one server: by UDP, by TCP where the answer was cut, and without EDNS where the server doesn't know it. Each try has
 * a port and an id of its own; what doesn't answer the question is passed over.
 *
 * @throws QueryError
 */
export async function ask(place: Place, request: Request, patience: Patience): Promise<Message> {
  const answer = await askByUdp(place, request, patience, payloadSize);
  const knowsEdns = answer.rcode !== rcodes.formErr && answer.rcode !== rcodes.notImp;
  const plain = knowsEdns ? answer : await askByUdp(place, request, patience, undefined);
  return plain.isTruncated ? askByTcp(place, request, patience) : plain;
}

async function askByUdp(
  place: Place,
  request: Request,
  { waits, signal }: Patience,
  size: number | undefined,
): Promise<Message> {
  let failure = new QueryError('no-answer', `${placeName(place)} did not answer ${waits.length} questions`);
  for (const wait of waits) {
    const { octets, isAnswer } = compose(request, size);
    const inTime = AbortSignal.timeout(wait);
    try {
      const over = signal === undefined ? inTime : AbortSignal.any([signal, inTime]);
      const answer = await exchange(place, octets, isAnswer, over);
      if (answer !== undefined) return answer;
    } catch (error) {
      failure = queryErrorOf(error, placeName(place));
      if (failure.code === 'no-route') throw failure;
    }
    if (signal?.aborted === true) throw new QueryError('no-answer', 'the question was called off');
  }
  throw failure;
}

/** A connected socket takes answers of the server alone, and learns when nobody listens there. */
async function exchange(
  { host, port }: Place,
  octets: Octets,
  isAnswer: (message: Message) => boolean,
  signal: AbortSignal,
): Promise<Message | undefined> {
  const socket: Socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  try {
    socket.connect(port, host);
    await once(socket, 'connect');
    const answered = receiveMessage(socket, isAnswer, signal);
    socket.send(bytesFrom(octets));
    return await answered;
  } finally {
    socket.close();
  }
}

/** Ask one server by TCP alone. @throws QueryError */
export async function askByTcp(place: Place, request: Request, { tcpWait, signal }: Patience): Promise<Message> {
  const { octets, isAnswer } = compose(request, payloadSize);
  try {
    const connection = await connectTo(place, { signal, timeout: tcpWait, patience: tcpWait });
    try {
      connection.socket.write(framed(bytesFrom(octets)));
      for await (const bytes of messagesOf(connection.socket)) {
        const message = parseMessage(bytes);
        if (isAnswer(message)) return message;
      }
    } catch (error) {
      throw connection.explain(error);
    } finally {
      connection.end();
    }
  } catch (error) {
    if (error instanceof DnsError) {
      throw new QueryError('answer-malformed', `${placeName(place)}: ${error.message}`, { cause: error });
    }
    if (error instanceof TransferError) throw new QueryError('server-unreachable', error.message, { cause: error });
    throw error;
  }
  throw new QueryError('no-answer', `${placeName(place)} closed the connection without an answer`);
}

function compose(
  { name, type, opcode = opcodes.query, isRecursionDesired = false, isAuthoritative = false }: Request,
  size: number | undefined,
): { readonly octets: Octets; readonly isAnswer: (message: Message) => boolean } {
  const id = randomInt(0x1_0000);
  const question = { name, type, class: classIn };
  const octets = composeMessage({
    id,
    opcode,
    isResponse: false,
    isRecursionDesired,
    isAuthoritative,
    question,
    ...(size === undefined ? {} : { payloadSize: size }),
  });
  const isAnswer = (message: Message): boolean => {
    const { question: told } = message;
    if (message.id !== id || message.opcode !== opcode || !message.isResponse) return false;
    // A server that cannot read the question may leave it out.
    if (told === undefined) return message.rcode === rcodes.formErr || message.rcode === rcodes.notImp;
    return canonicalName(told.name) === name && told.type === type && told.class === classIn;
  };
  return { octets, isAnswer };
}

/** Name a place for people. */
export function placeName({ host, port }: Place): string {
  return port === 53 ? host : `${host} port ${port}`;
}
