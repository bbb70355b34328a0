import { DnsError } from '#dns/errors.ts';
import { canonicalName, isWithin } from '#dns/name.ts';
import { isMetaType, type RRType, rrTypes } from '#dns/rr-type.ts';
import { expandRdata, recordOf } from '#dnssec/adapters/messages/expand-rdata.ts';
import { classIn, malformed, type Message, type MessageRecord, rcodes } from '#dnssec/adapters/messages/message.ts';
import type { Prerequisite, UpdateStep, ZoneUpdate } from '#dnssec/ports-transfer.ts';

const classNone = 254;
const classAny = 255;

/**
 * Parse an update, whose sections stand where other messages have question, answers and authorities. What the zone holds
 * is not looked at.
 *
 * Source: RFC 2136 §3.1, RFC 2136 §3.2, RFC 2136 §3.4.1.
 *
 * @returns the update, or the response code that refuses it
 */
export function parseUpdate(message: Message): ZoneUpdate | number {
  const { question, answers, authorities } = message;
  if (question === undefined || question.type !== rrTypes.SOA) return rcodes.formErr;
  if (question.class !== classIn) return rcodes.notAuth;
  const apex = canonicalName(question.name);
  if ([...answers, ...authorities].some(({ owner }) => !isWithin(canonicalName(owner), apex))) return rcodes.notZone;
  try {
    const prerequisites = joinEqual(answers.map((record) => prerequisiteOf(message, record)));
    return { apex, prerequisites, steps: authorities.map((record) => stepOf(message, record)) };
  } catch (error) {
    if (error instanceof DnsError) return rcodes.formErr;
    throw error;
  }
}

function prerequisiteOf({ octets }: Message, record: MessageRecord): Prerequisite {
  const { owner, type, ttl } = record;
  if (ttl !== 0) throw malformed('a prerequisite has a TTL');
  if (record.class === classIn) {
    assertData(type);
    return { kind: 'rrset-equals', owner, type, rdatas: [expandRdata(octets, record)] };
  }
  assertEmpty(record);
  if (record.class !== classAny && record.class !== classNone) throw malformed(`a record has class ${record.class}`);
  const isWanted = record.class === classAny;
  if (type === rrTypes.ANY) return { kind: isWanted ? 'name-in-use' : 'name-not-in-use', owner };
  assertData(type);
  return { kind: isWanted ? 'rrset-exists' : 'rrset-absent', owner, type };
}

function stepOf({ octets }: Message, record: MessageRecord): UpdateStep {
  const { owner, type, ttl } = record;
  if (record.class === classIn) {
    assertData(type);
    return { kind: 'add', record: recordOf(octets, record) };
  }
  if (ttl !== 0) throw malformed('what is to be deleted has a TTL');
  if (record.class === classNone) {
    assertData(type);
    return { kind: 'delete-record', owner, type, rdata: expandRdata(octets, record) };
  }
  if (record.class !== classAny) throw malformed(`a record has class ${record.class}`);
  assertEmpty(record);
  if (type === rrTypes.ANY) return { kind: 'delete-name', owner };
  assertData(type);
  return { kind: 'delete-rrset', owner, type };
}

function assertEmpty({ rdata }: MessageRecord): void {
  if (rdata.length > 0) throw malformed('a record that names no RDATA has some');
}

function assertData(type: RRType): void {
  if (isMetaType(type)) throw malformed(`type ${type} is not one of data`);
}

/** Join the RDATA of an RRset that must be equal, which come one by one. Source: RFC 2136 §3.2.3. */
function joinEqual(prerequisites: readonly Prerequisite[]): Prerequisite[] {
  const joined = new Map<string, Prerequisite>();
  for (const [index, prerequisite] of prerequisites.entries()) {
    const isEqual = prerequisite.kind === 'rrset-equals';
    const place = isEqual ? `${prerequisite.type} ${canonicalName(prerequisite.owner)}` : `${index}.`;
    const known = joined.get(place);
    const rdatas = isEqual && known?.kind === 'rrset-equals' ? [...known.rdatas, ...prerequisite.rdatas] : undefined;
    joined.set(place, isEqual && rdatas !== undefined ? { ...prerequisite, rdatas } : prerequisite);
  }
  return [...joined.values()];
}
