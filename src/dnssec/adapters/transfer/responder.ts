import { isSerialGreater } from '#dns/serial.ts';
import { canonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { type Octets, readUint32, uint16 } from '#lib/octets.ts';
import {
  composeMessage,
  composeRecord,
  type Message,
  messageOverhead,
  opcodes,
  readName,
  rcodes,
} from '#dnssec/adapters/transfer/message.ts';
import { signMessage, type TsigKey, verifyTsig, withAdditional } from '#dnssec/adapters/transfer/tsig.ts';
import type { PublishedZone, PublishedZones } from '#dnssec/ports-transfer.ts';
import type { Clock } from '#lib/clock.ts';

/** Types that are asked for as a whole zone. Source: RFC 5936 §2, RFC 1995 §3. */
const axfr = 252;
const ixfr = 251;
/** Octets of a message of a transfer: few messages, and yet no secondary has to hold much of one. */
const messageOctets = 32_000;
/** Room for a TSIG record. */
const tsigRoom = 400;

export interface ResponderOptions {
  readonly zones: PublishedZones;
  readonly keys: readonly TsigKey[];
  /** Addresses that need no TSIG. */
  readonly allow: readonly string[];
  readonly clock: Clock;
}

/** Answer one request with one message or, to a transfer over TCP, with several. Source: RFC 5936 §2.2. */
export async function* respond(
  request: Message,
  source: { readonly address: string; readonly isTcp: boolean },
  options: ResponderOptions,
): AsyncGenerator<Octets> {
  const now = Math.floor(options.clock.now() / 1000);
  const verdict = verifyTsig(request, options.keys, now);
  if (verdict.kind === 'bad') {
    yield withAdditional(refusal(request, rcodes.notAuth), verdict.record);
    return;
  }
  const signed = verdict.kind === 'good' ? new SignedAnswer(verdict.key, verdict.mac, now) : undefined;
  const send = (message: Octets): Octets => signed?.sign(message) ?? message;
  const isAllowed = verdict.kind === 'good' || options.allow.includes(source.address);
  if (!isAllowed) yield send(refusal(request, rcodes.refused));
  else if (request.opcode !== opcodes.query) yield send(refusal(request, rcodes.notImp));
  else if (request.question === undefined) yield send(refusal(request, rcodes.formErr));
  else for await (const message of answer(request, request.question, source.isTcp, options.zones)) yield send(message);
}

/** Signs the messages of one answer, each with the MAC of the one before. Source: RFC 8945 §5.3.1. */
class SignedAnswer {
  readonly #key: TsigKey;
  readonly #now: number;
  #mac: Octets;
  #isContinued = false;

  constructor(key: TsigKey, requestMac: Octets, now: number) {
    this.#key = key;
    this.#mac = requestMac;
    this.#now = now;
  }

  sign(message: Octets): Octets {
    const { message: signed, mac } = signMessage(message, this.#key, this.#now, {
      priorMac: this.#mac,
      isContinued: this.#isContinued,
    });
    this.#mac = mac;
    this.#isContinued = true;
    return signed;
  }
}

/** Refuse a request. */
export function refusal({ id, opcode, question }: Message, rcode: number): Octets {
  return composeMessage({ id, opcode, isResponse: true, rcode, question, isAuthoritative: false });
}

async function* answer(
  request: Message,
  question: NonNullable<Message['question']>,
  isTcp: boolean,
  zones: PublishedZones,
): AsyncGenerator<Octets> {
  const zone = await zones.findZone(canonicalName(question.name));
  if (zone === undefined) {
    yield refusal(request, rcodes.notAuth);
    return;
  }
  const { id, opcode } = request;
  const single = (answers: readonly ResourceRecord[]) =>
    composeMessage({ id, opcode, isResponse: true, question, answers });
  if (question.type === rrTypes.SOA) {
    yield single([zone.soa]);
  } else if (question.type === ixfr) {
    const serial = serialOf(request);
    if (serial === undefined) yield refusal(request, rcodes.formErr);
    // Over UDP one message is all there is: the newest SOA says that there is more to fetch. Source: RFC 1995 §4.
    else if (!isTcp || !isSerialGreater(zone.serial, serial)) yield single([zone.soa]);
    else yield* pack(request, question, incremental(zone, await zone.differencesSince(serial)));
  } else if (question.type === axfr) {
    if (isTcp) yield* pack(request, question, whole(zone));
    else yield refusal(request, rcodes.formErr);
  } else {
    yield refusal(request, rcodes.refused);
  }
}

/** Serial of the version that the asker has. Source: RFC 1995 §3. */
function serialOf({ authorities, octets }: Message): number | undefined {
  const soa = authorities.find(({ type }) => type === rrTypes.SOA);
  if (soa === undefined) return undefined;
  const [, afterMname] = readName(octets, soa.rdataStart);
  const [, afterRname] = readName(octets, afterMname);
  return readUint32(octets, afterRname);
}

async function* whole(zone: PublishedZone): AsyncGenerator<readonly ResourceRecord[]> {
  yield [zone.soa];
  yield* zone.records();
  yield [zone.soa];
}

async function* incremental(
  zone: PublishedZone,
  differences: Awaited<ReturnType<PublishedZone['differencesSince']>>,
): AsyncGenerator<readonly ResourceRecord[]> {
  if (differences === undefined) {
    yield* whole(zone);
    return;
  }
  yield [zone.soa];
  for (const { from, removed, to, added } of differences) yield [from, ...removed, to, ...added];
  yield [zone.soa];
}

/** Pack records into messages. */
async function* pack(
  { id, opcode }: Message,
  question: NonNullable<Message['question']>,
  pieces: AsyncIterable<readonly ResourceRecord[]>,
): AsyncGenerator<Octets> {
  const empty = composeMessage({ id, opcode, isResponse: true, question });
  const head = (count: number): string => `${empty.slice(0, 6)}${uint16(count)}${empty.slice(8)}`;
  const room = messageOctets - messageOverhead(question) - tsigRoom;
  let body = '';
  let count = 0;
  for await (const records of pieces) {
    for (const record of records) {
      const octets = composeRecord(record);
      if (count > 0 && body.length + octets.length > room) {
        yield (head(count) + body) as Octets;
        body = '';
        count = 0;
      }
      body += octets;
      count += 1;
    }
  }
  if (count > 0) yield (head(count) + body) as Octets;
}
