import { DnsError } from '#dns/errors.ts';

/** An RR type's number, 1–65535. */
export type RRType = number;

/** The types with a mnemonic of their own here. Source: the IANA registry "Resource Record (RR) TYPEs". */
export const rrTypes = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  WKS: 11,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  X25: 19,
  ISDN: 20,
  RT: 21,
  NSAP: 22,
  SIG: 24,
  KEY: 25,
  PX: 26,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  A6: 38,
  DNAME: 39,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  IPSECKEY: 45,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  HIP: 55,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  DSYNC: 66,
  SPF: 99,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const satisfies Record<string, RRType>;

/**
 * Types that other programs print by a mnemonic, in type bitmaps above all. They are read, and printed as `TYPEnnn`, which
 * every name server understands.
 */
const onlyRead: Readonly<Record<string, RRType>> = {
  'NSAP-PTR': 23,
  GPOS: 27,
  EID: 31,
  NIMLOC: 32,
  ATMA: 34,
  SINK: 40,
  NINFO: 56,
  RKEY: 57,
  TALINK: 58,
  HHIT: 67,
  BRID: 68,
  UINFO: 100,
  UID: 101,
  GID: 102,
  UNSPEC: 103,
  AVC: 258,
  DOA: 259,
  AMTRELAY: 260,
  RESINFO: 261,
  WALLET: 262,
  CLA: 263,
  IPN: 264,
  TA: 32_768,
  DLV: 32_769,
};

export type RRTypeMnemonic = keyof typeof rrTypes;

const types = new Map<string, RRType>([...Object.entries(rrTypes), ...Object.entries(onlyRead)]);
const mnemonics = new Map<RRType, string>(Object.entries(rrTypes).map(([mnemonic, type]) => [type, mnemonic]));

/**
 * Parse a mnemonic or `TYPEnnn`, in either case.
 *
 * Source: RFC 3597 §5.
 *
 * @throws DnsError type-invalid
 */
export function parseRRType(text: string): RRType {
  const type = findRRType(text);
  if (type === undefined)
    throw new DnsError(
      'type-invalid',
      `"${text}" is not an RR type: write a mnemonic, or TYPE and a number up to 65535`,
    );
  return type;
}

/** Parse a mnemonic or `TYPEnnn`; anything else gives `undefined`. */
export function findRRType(text: string): RRType | undefined {
  const upper = text.toUpperCase();
  const known = types.get(upper);
  if (known !== undefined) return known;
  const digits = /^TYPE(\d{1,5})$/.exec(upper)?.[1];
  return digits !== undefined && Number(digits) <= 0xffff ? Number(digits) : undefined;
}

/** Format as a mnemonic, or as `TYPEnnn` where there is none. */
export function formatRRType(type: RRType): string {
  return mnemonics.get(type) ?? `TYPE${type}`;
}

/**
 * Tell whether a type is a question or a meta type that no zone can hold (OPT and 128–255, and the reserved 0).
 *
 * Source: RFC 6895 §3.1.
 */
export function isMetaType(type: RRType): boolean {
  return type === 0 || type === rrTypes.OPT || (type >= 128 && type <= 255);
}
