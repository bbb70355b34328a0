import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { DnsError } from '#dns/errors.ts';
import { canonicalName, type CanonicalName, formatName, rootName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { type Clock, secondsOf } from '#lib/clock.ts';
import { bytesFrom, joinOctets, type Octets, uint32 } from '#lib/octets.ts';
import { connectTo, type PrimaryPlace } from '#dnssec/adapters/transfer/connect.ts';
import { recordOf } from '#dnssec/adapters/messages/expand-rdata.ts';
import { framed, messagesOf } from '#dnssec/adapters/messages/framing.ts';
import {
  classIn,
  composeMessage,
  type Message,
  opcodes,
  parseMessage,
  type Question,
  rcodes,
} from '#dnssec/adapters/messages/message.ts';
import { TransferError } from '#dnssec/adapters/transfer/transfer-error.ts';
import { TransferReader } from '#dnssec/adapters/transfer/transfer-reader.ts';
import type { TransferPart } from '#dnssec/ports-transfer.ts';
import { signMessage, type TsigKey } from '#dnssec/adapters/transfer/tsig.ts';
import { findTsig } from '#dnssec/adapters/transfer/tsig-record.ts';
import { TsigStream } from '#dnssec/adapters/transfer/tsig-stream.ts';

export interface FetchZoneOptions extends PrimaryPlace {
  readonly apex: CanonicalName;
  /** Signs the request; the answer is then taken only if it is signed too. */
  readonly key?: TsigKey | undefined;
  /** Serial of the version that is held; without it the whole zone is asked for. */
  readonly currentSerial?: number | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Octets of all messages. Default 4 GiB. */
  readonly mostOctets?: number;
  /** Milliseconds for the whole transfer. Default one hour. */
  readonly timeout?: number;
  /** Milliseconds until the connection stands, and between two messages. Default 30 000. */
  readonly patience?: number;
}

/**
 * Get a zone, or what changed in it, from another server.
 *
 * Parts are given out as they come, each of them checked against the key. What they are parts of is whole only when the
 * iteration has ended by itself: keep them apart from what is published until then, and drop them when it throws.
 *
 * Source: RFC 5936 §2, RFC 1995 §2.
 *
 * @throws TransferError
 */
export async function* fetchZone(options: FetchZoneOptions): AsyncGenerator<TransferPart, void> {
  let isBegun = false;
  try {
    for await (const part of transfer(options, options.currentSerial)) {
      isBegun = true;
      yield part;
    }
  } catch (error) {
    if (isBegun || options.currentSerial === undefined || !knowsNoDifferences(error)) throw error;
    yield* transfer(options, undefined);
  }
}

/** Tell whether a server does not know what an IXFR is. Source: RFC 1035 §4.1.1. */
function knowsNoDifferences(error: unknown): boolean {
  const codes: readonly unknown[] = [rcodes.formErr, rcodes.notImp];
  return error instanceof TransferError && error.code === 'primary-refused' && codes.includes(error.details['rcode']);
}

async function* transfer(options: FetchZoneOptions, held: number | undefined): AsyncGenerator<TransferPart, void> {
  const { apex, key, clock, mostOctets = 2 ** 32, timeout = 3_600_000, patience = 30_000 } = options;
  const question = { name: apex, type: held === undefined ? rrTypes.AXFR : rrTypes.IXFR, class: classIn };
  const id = randomInt(0x1_0000);
  const plain = composeRequest(id, question, held);
  const now = (): number => secondsOf(clock);
  const signed = key && signMessage(plain, key, now());
  const tsig = key && signed && new TsigStream(key, signed.mac, now);
  const reader = new TransferReader(apex, held);
  const socket = await connectTo(options, { signal: options.signal, timeout, patience });
  let octets = 0;
  let unchecked: Message[] = [];
  let isFirst = true;
  try {
    socket.socket.write(framed(bytesFrom(signed?.message ?? plain)));
    for await (const bytes of eachInTime(socket, patience)) {
      octets += bytes.length;
      if (octets > mostOctets) throw new TransferError('transfer-too-large', `it has more than ${mostOctets} octets`);
      const message = parseMessage(bytes);
      assertAnswer(message, id, question, isFirst);
      unchecked.push(message);
      if (tsig?.accept(message) === false) continue;
      for (const one of unchecked) {
        // A server may begin with a message of the SOA alone, but none that says nothing at all.
        if (one.answers.length === 0) throw malformed('a message has no records');
        yield* reader.read(one.answers.map((record) => recordOf(one.octets, record)));
      }
      unchecked = [];
      isFirst = false;
      if (reader.isDone) return;
    }
    throw new TransferError('transfer-ended', 'the connection was closed before the transfer was whole');
  } catch (error) {
    if (error instanceof DnsError) throw malformed(error.message, error);
    throw socket.explain(error);
  } finally {
    socket.end();
  }
}

/** Give each message; the time that whoever takes it needs does not count. */
async function* eachInTime(
  { socket, fail }: { readonly socket: Socket; readonly fail: (error: TransferError) => void },
  patience: number,
): AsyncGenerator<Uint8Array> {
  const messages = messagesOf(socket)[Symbol.asyncIterator]();
  for (;;) {
    const late = new TransferError('transfer-too-slow', `nothing came for ${patience} ms`);
    const timer = setTimeout(() => fail(late), patience);
    let next: IteratorResult<Uint8Array, void>;
    try {
      next = await messages.next();
    } finally {
      clearTimeout(timer);
    }
    if (next.done === true) return;
    yield next.value;
  }
}

/** An IXFR tells in an SOA which version is held; only its serial is looked at. Source: RFC 1995 §3. */
function composeRequest(id: number, question: Question, held: number | undefined): Octets {
  const request = { id, opcode: opcodes.query, isResponse: false, isAuthoritative: false, question };
  if (held === undefined) return composeMessage(request);
  const rdata = joinOctets(rootName, rootName, uint32(held), '\0'.repeat(16) as Octets) as Rdata;
  const soa: ResourceRecord = { owner: question.name, type: rrTypes.SOA, ttl: 0, rdata };
  return composeMessage({ ...request, authorities: [soa] });
}

/** Source: RFC 5936 §2.2.1, RFC 5936 §2.2.2. */
function assertAnswer(message: Message, id: number, question: Question, isFirst: boolean): void {
  if (!message.isResponse || message.opcode !== opcodes.query || message.id !== id)
    throw malformed('a message is no answer to what was asked');
  if (message.rcode !== rcodes.noError) throw refused(message, question);
  if (message.isTruncated) throw malformed('a message was cut');
  const { question: told } = message;
  if (told === undefined && isFirst) throw malformed('the first message does not repeat the question');
  if (told === undefined) return;
  const isSame = canonicalName(told.name) === canonicalName(question.name) && told.type === question.type;
  if (!isSame || told.class !== question.class) throw malformed('a message answers another question');
}

function refused(message: Message, { name, type }: Question): TransferError {
  const names = new Map<number, string>(Object.entries(rcodes).map(([word, code]) => [code, word.toUpperCase()]));
  const { rcode } = message;
  const error = findTsig(message)?.error ?? 0;
  const what = type === rrTypes.AXFR ? 'AXFR' : 'IXFR';
  const why = `${names.get(rcode) ?? `code ${rcode}`}${error === 0 ? '' : ` with TSIG error ${error}`}`;
  return new TransferError('primary-refused', `the primary answered ${what} of ${formatName(name)} with ${why}`, {
    details: { rcode, ...(error === 0 ? {} : { tsigError: error }) },
  });
}

function malformed(why: string, cause?: unknown): TransferError {
  return new TransferError('transfer-malformed', `the transfer is malformed: ${why}`, { cause });
}
