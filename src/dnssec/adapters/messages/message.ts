import { type Octets, octetsFrom, readUint16, readUint32, sliceOctets, uint16, uint32 } from '#lib/octets.ts';
import { DnsError } from '#dns/errors.ts';
import { type Name, rootName } from '#dns/name.ts';
import { type RRType, rrTypes } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';

/**
 * DNS messages, as far as transfers and questions to parents need them. Zone data go to the wire as they are kept, octet for octet: dns-packet
 * takes a dot inside a label for the end of one, and knows RDATA by their text.
 *
 * Source: RFC 1035 §4.1.
 */
export interface Message {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly rcode: number;
  /** Whether it is the server's own word, and whether it vouches for having validated it. Source: RFC 4035 §3.2.3. */
  readonly isAuthoritative: boolean;
  readonly isAuthentic: boolean;
  /** Whether it was cut to fit. */
  readonly isTruncated: boolean;
  readonly question: Question | undefined;
  readonly answers: readonly MessageRecord[];
  readonly authorities: readonly MessageRecord[];
  readonly additionals: readonly MessageRecord[];
  /** The whole message as it came. */
  readonly octets: Octets;
}

export interface Question {
  readonly name: Name;
  readonly type: RRType;
  readonly class: number;
}

/** A record of a message; names in its RDATA may still be compressed. */
export interface MessageRecord {
  readonly owner: Name;
  readonly type: RRType;
  readonly class: number;
  readonly ttl: number;
  /** Where the record, and its RDATA, begin in the message. */
  readonly start: number;
  readonly rdataStart: number;
  readonly rdata: Octets;
}

export const opcodes = { query: 0, notify: 4, update: 5 } as const;
/** Source: RFC 1035 §4.1.1, RFC 2136 §2.2. */
export const rcodes = {
  noError: 0,
  formErr: 1,
  servFail: 2,
  nxDomain: 3,
  notImp: 4,
  refused: 5,
  yxDomain: 6,
  yxRRset: 7,
  nxRRset: 8,
  notAuth: 9,
  notZone: 10,
} as const;
export const classIn = 1;
const responseFlag = 0x8000;
const authoritativeFlag = 0x0400;
const truncatedFlag = 0x0200;
const recursionDesiredFlag = 0x0100;
const authenticFlag = 0x0020;
const headerOctets = 12;

/** Parse a message. @throws DnsError name-invalid, rdata-invalid when it is cut short or malformed */
export function parseMessage(bytes: Uint8Array): Message {
  const octets = octetsFrom(bytes);
  if (octets.length < headerOctets) throw malformed('it has no whole header');
  const flags = readUint16(octets, 2);
  const counts = [4, 6, 8, 10].map((at) => readUint16(octets, at));
  if ((counts[0] ?? 0) > 1) throw malformed('it has several questions');
  let position = headerOctets;
  let question: Question | undefined;
  if (counts[0] === 1) {
    const [name, end] = readName(octets, position);
    need(octets, end, 4);
    question = { name, type: readUint16(octets, end), class: readUint16(octets, end + 2) };
    position = end + 4;
  }
  const section = (count: number): MessageRecord[] => {
    const records: MessageRecord[] = [];
    for (let index = 0; index < count; index++) {
      const [owner, end] = readName(octets, position);
      need(octets, end, 10);
      const length = readUint16(octets, end + 8);
      need(octets, end + 10, length);
      records.push({
        owner,
        type: readUint16(octets, end),
        class: readUint16(octets, end + 2),
        ttl: readUint32(octets, end + 4),
        start: position,
        rdataStart: end + 10,
        rdata: sliceOctets(octets, end + 10, end + 10 + length),
      });
      position = end + 10 + length;
    }
    return records;
  };
  return {
    id: readUint16(octets, 0),
    isResponse: (flags & responseFlag) !== 0,
    opcode: (flags >>> 11) & 15,
    rcode: flags & 15,
    isAuthoritative: (flags & authoritativeFlag) !== 0,
    isAuthentic: (flags & authenticFlag) !== 0,
    isTruncated: (flags & truncatedFlag) !== 0,
    question,
    answers: section(counts[1] ?? 0),
    authorities: section(counts[2] ?? 0),
    additionals: section(counts[3] ?? 0),
    octets,
  };
}

/** Pointers that a name may need: one for each label that 255 octets have room for, and one for the root. */
const mostPointers = 128;

/**
 * Read a name that may be compressed. Pointers that lead to pointers are followed only so far: with thousands of them in a row,
 * and thousands of names that begin there, one message would hold up all others.
 *
 * Source: RFC 1035 §4.1.4.
 *
 * @returns the name, and the index after it
 */
export function readName(octets: Octets, start: number): [name: Name, end: number] {
  let name = '';
  let pointers = 0;
  let position = start;
  let end: number | undefined;
  for (;;) {
    need(octets, position, 1);
    const length = octets.charCodeAt(position);
    if (length >= 0xc0) {
      need(octets, position, 2);
      const target = readUint16(octets, position) & 0x3fff;
      end ??= position + 2;
      if (target >= position) throw malformed('a name is compressed by a pointer that does not go back');
      pointers += 1;
      if (pointers > mostPointers) throw malformed(`a name is compressed by more than ${mostPointers} pointers`);
      position = target;
      continue;
    }
    if (length > 63) throw malformed('a name has a label of an unknown type');
    need(octets, position, 1 + length);
    name += octets.slice(position, position + 1 + length);
    if (name.length > 255) throw malformed('a name is longer than 255 octets');
    position += 1 + length;
    if (length === 0) return [name as Name, end ?? position];
  }
}

function need(octets: Octets, at: number, count: number): void {
  if (at + count > octets.length) throw malformed('it is cut short');
}

/** The error of a message that breaks the rules of its format. */
export function malformed(why: string): DnsError {
  return new DnsError('rdata-invalid', `the message is malformed: ${why}`);
}

export interface NewMessage {
  readonly id: number;
  readonly opcode: number;
  readonly isResponse: boolean;
  readonly rcode?: number;
  readonly question: Question | undefined;
  readonly answers?: readonly ResourceRecord[];
  readonly authorities?: readonly ResourceRecord[];
  readonly isAuthoritative?: boolean;
  readonly isTruncated?: boolean;
  /** Ask for recursion, and for word of what was validated. Source: RFC 6840 §5.7. */
  readonly isRecursionDesired?: boolean;
  /** Octets that an answer by UDP may have; without it there is no EDNS. Source: RFC 6891 §6.2.3. */
  readonly payloadSize?: number;
}

/** Compose a message; names are not compressed. */
export function composeMessage(message: NewMessage): Octets {
  const { question, answers = [], authorities = [], payloadSize } = message;
  const counts = [
    question === undefined ? 0 : 1,
    answers.length,
    authorities.length,
    payloadSize === undefined ? 0 : 1,
  ];
  let octets = `${uint16(message.id)}${uint16(composeFlags(message))}${counts.map(uint16).join('')}`;
  if (question !== undefined) octets += `${question.name}${uint16(question.type)}${uint16(question.class)}`;
  for (const record of [...answers, ...authorities]) octets += composeRecord(record);
  return (payloadSize === undefined ? octets : octets + composeOpt(payloadSize)) as Octets;
}

/** Source: RFC 6891 §6.1.2. */
function composeOpt(payloadSize: number): string {
  return `${rootName}${uint16(rrTypes.OPT)}${uint16(payloadSize)}${uint32(0)}${uint16(0)}`;
}

function composeFlags(message: NewMessage): number {
  const { opcode, isResponse, rcode = 0, isAuthoritative = isResponse, isTruncated = false } = message;
  const shared = (opcode << 11) | (isAuthoritative ? authoritativeFlag : 0) | (isTruncated ? truncatedFlag : 0) | rcode;
  const asked = message.isRecursionDesired === true ? recursionDesiredFlag | authenticFlag : 0;
  return (isResponse ? responseFlag : 0) | asked | shared;
}

/**
 * Answer a request that cannot be parsed with its own id and opcode.
 *
 * @returns undefined when it is an answer itself, or has no whole header
 */
export function composeFormatError(bytes: Uint8Array): Octets | undefined {
  const header = octetsFrom(bytes, 0, headerOctets);
  const flags = readUint16(header, 2);
  if (header.length < headerOctets || (flags & responseFlag) !== 0) return undefined;
  const opcode = (flags >>> 11) & 15;
  const id = readUint16(header, 0);
  const rcode = rcodes.formErr;
  return composeMessage({ id, opcode, isResponse: true, rcode, question: undefined, isAuthoritative: false });
}

/** Compose a record of class IN. */
export function composeRecord({ owner, type, ttl, rdata }: ResourceRecord): Octets {
  return `${owner}${uint16(type)}${uint16(classIn)}${uint32(ttl)}${uint16(rdata.length)}${rdata}` as Octets;
}

/** Octets of a message without answers. */
export function messageOverhead(question: Question | undefined): number {
  return headerOctets + (question === undefined ? 0 : question.name.length + 4);
}

/** Answer a request with a code alone. */
export function refusal({ id, opcode, question }: Message, rcode: number): Octets {
  return composeMessage({ id, opcode, isResponse: true, rcode, question, isAuthoritative: false });
}
