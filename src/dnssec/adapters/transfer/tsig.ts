import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import {
  bytesFrom,
  joinOctets,
  type Octets,
  octetsFrom,
  readUint16,
  readUint32,
  sliceOctets,
  uint16,
  uint32,
} from '#lib/octets.ts';
import { canonicalName, type CanonicalName, formatName, parseName } from '#dns/name.ts';
import type { Message, MessageRecord } from '#dnssec/adapters/transfer/message.ts';
import { readName } from '#dnssec/adapters/transfer/message.ts';

/** A secret that two servers share. */
export interface TsigKey {
  readonly name: CanonicalName;
  readonly algorithm: TsigAlgorithm;
  readonly secret: KeyObject;
}

/** Names of algorithms and of the hashes behind them. Source: RFC 8945 §6. */
const hashes = { 'hmac-sha256': 'sha256', 'hmac-sha384': 'sha384', 'hmac-sha512': 'sha512' } as const;
export type TsigAlgorithm = keyof typeof hashes;
export const tsigAlgorithms = Object.keys(hashes) as TsigAlgorithm[];

/** Errors of a TSIG. Source: RFC 8945 §3. */
const errors = { badSig: 16, badKey: 17, badTime: 18 } as const;

export const tsigType = 250;
const classAny = 255;
/** Seconds that clocks may differ by. */
const fudge = 300;

interface Tsig {
  readonly record: MessageRecord;
  readonly algorithm: CanonicalName;
  readonly time: number;
  readonly fudge: number;
  readonly mac: Octets;
  readonly originalId: number;
  readonly error: number;
  readonly other: Octets;
}

/** What became of the TSIG of a request. */
export type TsigVerdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'good'; readonly key: TsigKey; readonly mac: Octets }
  | {
      readonly kind: 'bad';
      readonly error: number;
      readonly key?: TsigKey;
      readonly mac: Octets;
      readonly record: Octets;
    };

/**
 * Check the TSIG of a request, which is the last record of its additional section.
 *
 * Source: RFC 8945 §5.2.
 *
 * @param now seconds since the epoch
 */
export function verifyTsig(message: Message, keys: readonly TsigKey[], now: number, requestMac?: Octets): TsigVerdict {
  const tsig = findTsig(message);
  if (tsig === undefined) return { kind: 'none' };
  const { record, algorithm, mac } = tsig;
  const name = canonicalName(record.owner);
  const key = keys.find((one) => one.name === name && algorithmName(one.algorithm) === algorithm);
  const bad = (error: number): TsigVerdict => ({
    kind: 'bad',
    error,
    ...(key === undefined ? {} : { key }),
    mac,
    record: composeUnsigned(name, algorithm, tsig, error, now),
  });
  if (key === undefined) return bad(errors.badKey);
  const expected = macOf(key, withoutTsig(message, tsig), variablesOf(key, tsig), requestMac);
  const given = bytesFrom(mac);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return bad(errors.badSig);
  if (Math.abs(now - tsig.time) > tsig.fudge) return bad(errors.badTime);
  return { kind: 'good', key, mac };
}

/** Add a TSIG to a message. @returns the message, and its MAC for the next one. Source: RFC 8945 §5.3. */
export function signMessage(
  message: Octets,
  key: TsigKey,
  now: number,
  { priorMac, isContinued = false }: { readonly priorMac?: Octets; readonly isContinued?: boolean } = {},
): { readonly message: Octets; readonly mac: Octets } {
  const fields = { time: now, fudge, error: 0, other: '' as Octets };
  const variables = isContinued ? timersOf(fields) : variablesOf(key, fields);
  const mac = octetsFrom(macOf(key, message, variables, priorMac));
  const record = composeTsig(key.name, algorithmName(key.algorithm), {
    ...fields,
    mac,
    originalId: readUint16(message, 0),
  });
  return { message: withAdditional(message, record), mac };
}

/** Add a record that was composed to the additional section. */
export function withAdditional(message: Octets, record: Octets): Octets {
  const count = readUint16(message, 10) + 1;
  return joinOctets(sliceOctets(message, 0, 10), uint16(count), sliceOctets(message, 12), record);
}

function findTsig({ additionals, octets }: Message): Tsig | undefined {
  const record = additionals.at(-1);
  if (record?.type !== tsigType) return undefined;
  const [algorithm, afterName] = readName(octets, record.rdataStart);
  const macLength = readUint16(octets, afterName + 8);
  const afterMac = afterName + 10 + macLength;
  const otherLength = readUint16(octets, afterMac + 4);
  return {
    record,
    algorithm: canonicalName(algorithm),
    time: readUint16(octets, afterName) * 2 ** 32 + readUint32(octets, afterName + 2),
    fudge: readUint16(octets, afterName + 6),
    mac: sliceOctets(octets, afterName + 10, afterMac),
    originalId: readUint16(octets, afterMac),
    error: readUint16(octets, afterMac + 2),
    other: sliceOctets(octets, afterMac + 6, afterMac + 6 + otherLength),
  };
}

function withoutTsig({ octets, additionals }: Message, { record, originalId }: Tsig): Octets {
  return joinOctets(
    uint16(originalId),
    sliceOctets(octets, 2, 10),
    uint16(additionals.length - 1),
    sliceOctets(octets, 12, record.start),
  );
}

type Timers = Pick<Tsig, 'time' | 'fudge'>;

function timersOf({ time, fudge: allowed }: Timers): Octets {
  return joinOctets(uint16(Math.floor(time / 2 ** 32)), uint32(time >>> 0), uint16(allowed));
}

/** Source: RFC 8945 §4.3.3. */
function variablesOf(key: TsigKey, fields: Timers & Pick<Tsig, 'error' | 'other'>): Octets {
  return joinOctets(
    key.name,
    uint16(classAny),
    uint32(0),
    algorithmName(key.algorithm),
    timersOf(fields),
    uint16(fields.error),
    uint16(fields.other.length),
    fields.other,
  );
}

function macOf(key: TsigKey, message: Octets, variables: Octets, priorMac?: Octets): Uint8Array {
  const hmac = createHmac(hashes[key.algorithm], key.secret);
  if (priorMac !== undefined) hmac.update(bytesFrom(joinOctets(uint16(priorMac.length), priorMac)));
  return hmac.update(bytesFrom(message)).update(bytesFrom(variables)).digest();
}

function composeTsig(
  name: CanonicalName,
  algorithm: CanonicalName,
  { time, fudge: allowed, mac, originalId, error, other }: Omit<Tsig, 'record' | 'algorithm'>,
): Octets {
  const rdata = joinOctets(
    algorithm,
    timersOf({ time, fudge: allowed }),
    uint16(mac.length),
    mac,
    uint16(originalId),
    uint16(error),
    uint16(other.length),
    other,
  );
  return joinOctets(name, uint16(tsigType), uint16(classAny), uint32(0), uint16(rdata.length), rdata);
}

/** The TSIG of an answer to a request whose own was wrong; it is not signed. Source: RFC 8945 §5.2. */
function composeUnsigned(
  name: CanonicalName,
  algorithm: CanonicalName,
  tsig: Tsig,
  error: number,
  now: number,
): Octets {
  const other =
    error === errors.badTime ? joinOctets(uint16(Math.floor(now / 2 ** 32)), uint32(now >>> 0)) : ('' as Octets);
  return composeTsig(name, algorithm, { ...tsig, mac: '' as Octets, error, other });
}

function algorithmName(algorithm: TsigAlgorithm): CanonicalName {
  return canonicalName(parseName(`${algorithm}.`));
}

/** Show a key to people, without its secret. */
export function describeTsigKey({ name, algorithm }: TsigKey): string {
  return `${formatName(name)} (${algorithm})`;
}
