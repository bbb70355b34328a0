import { isSerialGreater } from '#dns/serial.ts';
import { DnsError } from '#dns/errors.ts';
import { canonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { parseSoa } from '#dns/soa.ts';
import { type Octets, uint16 } from '#lib/octets.ts';
import { expandRdata } from '#dnssec/adapters/messages/expand-rdata.ts';
import {
  classIn,
  composeMessage,
  composeRecord,
  type Message,
  messageOverhead,
  type Question,
  rcodes,
  refusal,
} from '#dnssec/adapters/messages/message.ts';
import type { PublishedZone, PublishedZones } from '#dnssec/ports-transfer.ts';

/** Octets of a message of a transfer: few messages, and yet no secondary has to hold much of one. */
const messageOctets = 32_000;
/** Room for a TSIG record, however long the name of its key. */
const tsigRoom = 400;
/** Octets of a datagram: without EDNS, and the most that is not likely to be cut into fragments. */
const plainDatagramOctets = 512;
const mostDatagramOctets = 1232;

/**
 * Answer a question about a zone with one message or, to a transfer over TCP, with several. TSIG is left to the caller.
 *
 * Source: RFC 5936 §2.2, RFC 1995 §4.
 */
export async function* answerQuery(
  request: Message,
  question: Question,
  isTcp: boolean,
  zones: PublishedZones,
): AsyncGenerator<Octets> {
  const zone = question.class === classIn ? await zones.findZone(canonicalName(question.name)) : undefined;
  if (zone === undefined) {
    yield refusal(request, rcodes.notAuth);
    return;
  }
  const { id, opcode } = request;
  const newestSoa = (): Octets => {
    const message = composeMessage({ id, opcode, isResponse: true, question, answers: [zone.soa] });
    if (isTcp || message.length + tsigRoom <= datagramOctets(request)) return message;
    return composeMessage({ id, opcode, isResponse: true, question, isTruncated: true });
  };
  if (question.type === rrTypes.SOA) {
    yield newestSoa();
  } else if (question.type === rrTypes.IXFR) {
    const serial = serialOf(request);
    if (serial === undefined) yield refusal(request, rcodes.formErr);
    // Over UDP one message is all there is: the newest SOA says that there is more to fetch. Source: RFC 1995 §4.
    else if (!isTcp || !isSerialGreater(zone.serial, serial)) yield newestSoa();
    else yield* pack(request, question, incremental(zone, await zone.differencesSince(serial)));
  } else if (question.type === rrTypes.AXFR) {
    if (isTcp) yield* pack(request, question, whole(zone));
    else yield refusal(request, rcodes.formErr);
  } else {
    yield refusal(request, rcodes.refused);
  }
}

/** Octets that the asker takes in a datagram. Source: RFC 6891 §6.2.3. */
function datagramOctets({ additionals }: Message): number {
  const options = additionals.find(({ type }) => type === rrTypes.OPT);
  return Math.min(Math.max(plainDatagramOctets, options?.class ?? 0), mostDatagramOctets);
}

/** Serial of the version that the asker has; undefined when the request does not tell. Source: RFC 1995 §3. */
function serialOf({ authorities, octets }: Message): number | undefined {
  const soa = authorities.find(({ type }) => type === rrTypes.SOA);
  try {
    return soa && parseSoa(expandRdata(octets, soa)).serial;
  } catch (error) {
    if (error instanceof DnsError) return undefined;
    throw error;
  }
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
  question: Question,
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
