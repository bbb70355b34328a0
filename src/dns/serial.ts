import { formatCompactTime } from '#lib/clock.ts';

/** How a new version of a zone gets its SOA serial. */
export const serialPolicies = ['keep', 'increment', 'unixtime', 'datecounter'] as const;
export type SerialPolicy = (typeof serialPolicies)[number];

/**
 * Tell whether serial `left` is greater than `right` in serial number arithmetic. Serials exactly 2³¹ apart are not
 * comparable; neither is then greater.
 *
 * Source: RFC 1982 §3.2.
 */
export function isSerialGreater(left: number, right: number): boolean {
  const distance = (left - right) >>> 0;
  return distance > 0 && distance < 0x80000000;
}

/** Add up to 2³¹ − 1 to a serial. Source: RFC 1982 §3.1. */
export function addToSerial(serial: number, increment: number): number {
  return (serial + increment) >>> 0;
}

/**
 * Return the serial of the version after `current`. `unixtime` and `datecounter` (YYYYMMDDnn in UTC) fall back to an
 * increment where the clock's value would not be greater, so that no policy but `keep` ever stands still or goes back.
 *
 * @param nowSeconds seconds since the epoch
 */
export function nextSerial(current: number, policy: SerialPolicy, nowSeconds: number): number {
  if (policy === 'keep') return current;
  const wanted = policy === 'unixtime' ? nowSeconds >>> 0 : policy === 'datecounter' ? dateSerial(nowSeconds) : current;
  return isSerialGreater(wanted, current) ? wanted : addToSerial(current, 1);
}

/** Return YYYYMMDD00 of the day in UTC. */
function dateSerial(nowSeconds: number): number {
  return Number(`${formatCompactTime(nowSeconds).slice(0, 8)}00`);
}
