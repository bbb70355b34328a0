import { joinOctets, type Octets, readUint16, readUint32, sliceOctets, uint16, uint32 } from '#lib/octets.ts';
import { canonicalName, type CanonicalName } from '#dns/name.ts';
import { rrTypes } from '#dns/rr-type.ts';
import { malformed, type Message, type MessageRecord, readName } from '#dnssec/adapters/messages/message.ts';

/** Errors of a TSIG. Source: RFC 8945 §3. */
export const tsigErrors = { badSig: 16, badKey: 17, badTime: 18, badTrunc: 22 } as const;

const classAny = 255;
/** Octets of the fields between the algorithm and the MAC, and between the MAC and the other data. */
const beforeMac = 10;
const afterMac = 6;

/** The fields of a TSIG record. Source: RFC 8945 §4.2. */
export interface Tsig {
  readonly record: MessageRecord;
  readonly algorithm: CanonicalName;
  /** Seconds since the epoch, 48 bits. */
  readonly time: number;
  /** Seconds that clocks may differ by. */
  readonly fudge: number;
  readonly mac: Octets;
  readonly originalId: number;
  readonly error: number;
  readonly other: Octets;
}

/**
 * Find the TSIG of a message: the last record of its additional section.
 *
 * Source: RFC 8945 §5.2.
 *
 * @throws DnsError rdata-invalid when it is malformed, stands elsewhere, or is not alone; name-invalid
 */
export function findTsig({ answers, authorities, additionals, octets }: Message): Tsig | undefined {
  const record = additionals.at(-1);
  if (answers.some(isTsig) || authorities.some(isTsig) || additionals.slice(0, -1).some(isTsig))
    throw malformed('its TSIG is not the last record');
  if (record === undefined || !isTsig(record)) return undefined;
  if (record.class !== classAny || record.ttl !== 0) throw malformed('its TSIG has a TTL, or a class other than ANY');
  const rdataEnd = record.rdataStart + record.rdata.length;
  const [algorithm, start] = readName(octets, record.rdataStart);
  if (start + beforeMac > rdataEnd) throw malformed('its TSIG is cut short');
  const macEnd = start + beforeMac + readUint16(octets, start + 8);
  if (macEnd + afterMac > rdataEnd) throw malformed('its TSIG is cut short');
  const otherEnd = macEnd + afterMac + readUint16(octets, macEnd + 4);
  if (otherEnd !== rdataEnd || rdataEnd !== octets.length) throw malformed('its TSIG does not end where it says');
  return {
    record,
    algorithm: canonicalName(algorithm),
    time: readUint48(octets, start),
    fudge: readUint16(octets, start + 6),
    mac: sliceOctets(octets, start + beforeMac, macEnd),
    originalId: readUint16(octets, macEnd),
    error: readUint16(octets, macEnd + 2),
    other: sliceOctets(octets, macEnd + afterMac, otherEnd),
  };
}

function isTsig({ type }: MessageRecord): boolean {
  return type === rrTypes.TSIG;
}

/** Return the message as it was before it got its TSIG, the id it then had included. Source: RFC 8945 §4.3.2. */
export function withoutTsig({ octets, additionals }: Message, { record, originalId }: Tsig): Octets {
  return joinOctets(
    uint16(originalId),
    sliceOctets(octets, 2, 10),
    uint16(additionals.length - 1),
    sliceOctets(octets, 12, record.start),
  );
}

/** Compose a TSIG record. */
export function composeTsig(
  name: CanonicalName,
  algorithm: CanonicalName,
  fields: Omit<Tsig, 'record' | 'algorithm'>,
): Octets {
  const { mac, originalId, error, other } = fields;
  const rdata = joinOctets(
    algorithm,
    composeTimers(fields),
    uint16(mac.length),
    mac,
    uint16(originalId),
    uint16(error),
    uint16(other.length),
    other,
  );
  return joinOctets(name, uint16(rrTypes.TSIG), uint16(classAny), uint32(0), uint16(rdata.length), rdata);
}

/** Compose what of a TSIG its MAC covers. Source: RFC 8945 §4.3.3. */
export function composeVariables(
  name: CanonicalName,
  algorithm: CanonicalName,
  fields: Pick<Tsig, 'time' | 'fudge' | 'error' | 'other'>,
): Octets {
  const { error, other } = fields;
  const errorAndOther = joinOctets(uint16(error), uint16(other.length), other);
  return joinOctets(name, uint16(classAny), uint32(0), algorithm, composeTimers(fields), errorAndOther);
}

/** Compose what of a TSIG its MAC covers from the second message of an answer on. Source: RFC 8945 §5.3.1. */
export function composeTimers({ time, fudge }: Pick<Tsig, 'time' | 'fudge'>): Octets {
  return joinOctets(uint48(time), uint16(fudge));
}

/** Add a record that was composed to the additional section. */
export function withAdditional(message: Octets, record: Octets): Octets {
  const count = readUint16(message, 10) + 1;
  return joinOctets(sliceOctets(message, 0, 10), uint16(count), sliceOctets(message, 12), record);
}

/** Compose an unsigned 48-bit integer in network order. */
export function uint48(value: number): Octets {
  return joinOctets(uint16(Math.floor(value / 2 ** 32)), uint32(value % 2 ** 32));
}

function readUint48(octets: Octets, at: number): number {
  return readUint16(octets, at) * 2 ** 32 + readUint32(octets, at + 2);
}
