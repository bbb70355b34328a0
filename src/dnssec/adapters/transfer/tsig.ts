import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { bytesFrom, joinOctets, type Octets, octetsFrom, readUint16, uint16 } from '#lib/octets.ts';
import { canonicalName, type CanonicalName, parseName } from '#dns/name.ts';
import { malformed, type Message } from '#dnssec/adapters/messages/message.ts';
import {
  composeTimers,
  composeTsig,
  composeVariables,
  findTsig,
  type Tsig,
  tsigErrors,
  uint48,
  withAdditional,
  withoutTsig,
} from '#dnssec/adapters/transfer/tsig-record.ts';

/** A secret that two servers share. */
export interface TsigKey {
  readonly name: CanonicalName;
  readonly algorithm: TsigAlgorithm;
  readonly secret: KeyObject;
}

/** Names of algorithms, the hashes behind them, and their octets. Source: RFC 8945 §6. */
const algorithms = {
  'hmac-sha256': { hash: 'sha256', octets: 32 },
  'hmac-sha384': { hash: 'sha384', octets: 48 },
  'hmac-sha512': { hash: 'sha512', octets: 64 },
} as const;
export type TsigAlgorithm = keyof typeof algorithms;
export const tsigAlgorithms = Object.keys(algorithms) as TsigAlgorithm[];

/** Seconds that clocks may differ by. Source: RFC 8945 §10. */
const fudge = 300;
/** The least octets of a MAC that was cut. Source: RFC 8945 §5.2.2.1. */
const leastMacOctets = 10;

/** What became of the TSIG of a request. */
export type TsigVerdict =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'good';
      readonly key: TsigKey;
      readonly mac: Octets;
      /** The last second since the epoch at which it is good. */
      readonly until: number;
    }
  | {
      readonly kind: 'bad';
      readonly error: number;
      /** Add the TSIG that tells the asker of the error to an answer. */
      readonly answer: (message: Octets) => Octets;
    };

/**
 * Check the TSIG of a message.
 *
 * Source: RFC 8945 §5.2.
 *
 * @param now seconds since the epoch
 * @param requestMac the MAC of the request that the message answers
 * @throws DnsError rdata-invalid, name-invalid when the TSIG is malformed
 */
export function verifyTsig(message: Message, keys: readonly TsigKey[], now: number, requestMac?: Octets): TsigVerdict {
  const tsig = findTsig(message);
  if (tsig === undefined) return { kind: 'none' };
  const name = canonicalName(tsig.record.owner);
  const key = keys.find((one) => one.name === name && algorithmName(one) === tsig.algorithm);
  if (key === undefined) return { kind: 'bad', error: tsigErrors.badKey, answer: unsigned(tsig, tsigErrors.badKey) };
  const covered = joinOctets(withoutTsig(message, tsig), composeVariables(name, tsig.algorithm, tsig));
  const error = checkMac(key, tsig.mac, covered, requestMac) ?? checkTime(tsig, now);
  if (error === undefined) return { kind: 'good', key, mac: tsig.mac, until: tsig.time + tsig.fudge };
  const answer = error === tsigErrors.badSig ? unsigned(tsig, error) : signedError(tsig, key, error, now);
  return { kind: 'bad', error, answer };
}

/**
 * Check a MAC. One that was cut shorter is no longer taken.
 *
 * Source: RFC 8945 §5.2.2.1, RFC 8945 §5.2.4.
 *
 * @returns the error of TSIG, or undefined when it is right
 * @throws DnsError rdata-invalid when it has a length that no MAC has
 */
export function checkMac(key: TsigKey, given: Octets, covered: Octets, priorMac?: Octets): number | undefined {
  const whole = algorithms[key.algorithm].octets;
  if (given.length > whole || given.length < Math.max(leastMacOctets, whole / 2))
    throw malformed(`its MAC has ${given.length} octets`);
  const expected = macOf(key, covered, priorMac).subarray(0, given.length);
  if (!timingSafeEqual(bytesFrom(given), expected)) return tsigErrors.badSig;
  return given.length < whole ? tsigErrors.badTrunc : undefined;
}

/** Check the time of a TSIG. @param now seconds since the epoch. Source: RFC 8945 §5.2.3. */
export function checkTime({ time, fudge: allowed }: Pick<Tsig, 'time' | 'fudge'>, now: number): number | undefined {
  return Math.abs(now - time) > allowed ? tsigErrors.badTime : undefined;
}

/** What the MAC of a message depends on besides the message. */
export interface SigningContext {
  /** MAC of the request, or of the message before. */
  readonly priorMac?: Octets;
  /** Set from the second message of an answer on. */
  readonly isContinued?: boolean;
  readonly error?: number;
  readonly other?: Octets;
}

/**
 * Add a TSIG to a message.
 *
 * Source: RFC 8945 §5.3.
 *
 * @param time seconds since the epoch
 * @returns the message, and its MAC for the next one
 */
export function signMessage(
  message: Octets,
  key: TsigKey,
  time: number,
  { priorMac, isContinued = false, error = 0, other = '' as Octets }: SigningContext = {},
): { readonly message: Octets; readonly mac: Octets } {
  const algorithm = algorithmName(key);
  const fields = { time, fudge, error, other };
  const variables = isContinued ? composeTimers(fields) : composeVariables(key.name, algorithm, fields);
  const mac = octetsFrom(macOf(key, joinOctets(message, variables), priorMac));
  const record = composeTsig(key.name, algorithm, { ...fields, mac, originalId: readUint16(message, 0) });
  return { message: withAdditional(message, record), mac };
}

function macOf(key: TsigKey, covered: Octets, priorMac?: Octets): Uint8Array {
  const hmac = createHmac(algorithms[key.algorithm].hash, key.secret);
  if (priorMac !== undefined) hmac.update(bytesFrom(joinOctets(uint16(priorMac.length), priorMac)));
  return hmac.update(bytesFrom(covered)).digest();
}

/** The asker's key or MAC is wrong: an answer that is signed would tell nobody more. Source: RFC 8945 §5.3.2. */
function unsigned(tsig: Tsig, error: number): (message: Octets) => Octets {
  const none = '' as Octets;
  const record = composeTsig(canonicalName(tsig.record.owner), tsig.algorithm, {
    ...tsig,
    mac: none,
    error,
    other: none,
  });
  return (message) => withAdditional(message, record);
}

/** The asker has the key: it may trust the error, and our time with it. Source: RFC 8945 §5.2.3, RFC 8945 §5.3.2. */
function signedError({ time, mac }: Tsig, key: TsigKey, error: number, now: number): (message: Octets) => Octets {
  const other = error === tsigErrors.badTime ? uint48(now) : ('' as Octets);
  return (message) => signMessage(message, key, time, { priorMac: mac, error, other }).message;
}

const algorithmNames = new Map(tsigAlgorithms.map((algorithm) => [algorithm, canonicalName(parseName(algorithm))]));

function algorithmName({ algorithm }: TsigKey): CanonicalName {
  return algorithmNames.get(algorithm) as CanonicalName;
}
