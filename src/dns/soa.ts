import { readUint32, sliceOctets, uint32 } from '#lib/octets.ts';
import { type Name, nameLengthAt } from '#dns/name.ts';
import type { Rdata } from '#dns/rrset.ts';

/** The fields of an SOA record; times in seconds. Source: RFC 1035 §3.3.13. */
export interface Soa {
  readonly mname: Name;
  readonly rname: Name;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** Read the fields of valid SOA RDATA. */
export function parseSoa(rdata: Rdata): Soa {
  const rnameStart = nameLengthAt(rdata, 0);
  const serialStart = rnameStart + nameLengthAt(rdata, rnameStart);
  const [serial, refresh, retry, expire, minimum] = [0, 4, 8, 12, 16].map((offset) =>
    readUint32(rdata, serialStart + offset),
  );
  return {
    mname: sliceOctets(rdata, 0, rnameStart) as Name,
    rname: sliceOctets(rdata, rnameStart, serialStart) as Name,
    serial: serial as number,
    refresh: refresh as number,
    retry: retry as number,
    expire: expire as number,
    minimum: minimum as number,
  };
}

/** Return SOA RDATA with another serial. */
export function withSerial(rdata: Rdata, serial: number): Rdata {
  const timers = 20;
  const serialStart = rdata.length - timers;
  return (rdata.slice(0, serialStart) + uint32(serial) + rdata.slice(serialStart + 4)) as Rdata;
}
