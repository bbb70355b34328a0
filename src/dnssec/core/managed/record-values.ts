import { octetsOf, utf8Octets } from '#lib/octets.ts';
import type { CanonicalName } from '#dns/name.ts';
import { formatRdata, parseRdataText } from '#dns/rdata/rdata.ts';
import { formatRRType, isMetaType, rrTypes, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { DnssecError } from '#dnssec/core/errors.ts';

/** Types that callers cannot keep: what signing makes, and the SOA. */
const madeTypes: ReadonlySet<RRType> = new Set([
  rrTypes.SOA,
  rrTypes.RRSIG,
  rrTypes.NSEC,
  rrTypes.NSEC3,
  rrTypes.NSEC3PARAM,
  rrTypes.DNSKEY,
  rrTypes.CDS,
  rrTypes.CDNSKEY,
  rrTypes.ZONEMD,
]);

/** Tell whether callers may keep records of a type. */
export function isRecordType(type: RRType): boolean {
  return !isMetaType(type) && !madeTypes.has(type);
}

/** Which word of a value is a host name that may be written without its final dot. */
const hostWord: Readonly<Partial<Record<RRType, number>>> = {
  [rrTypes.CNAME]: 0,
  [rrTypes.DNAME]: 0,
  [rrTypes.NS]: 0,
  [rrTypes.PTR]: 0,
  [rrTypes.MX]: 1,
  [rrTypes.SRV]: 3,
  [rrTypes.SVCB]: 1,
  [rrTypes.HTTPS]: 1,
  [rrTypes.NAPTR]: 5,
};

/** Seconds. */
export const mostRecordTtl = 604_800;

/** Tell whether callers may give a record a TTL of so many seconds. */
export function isRecordTtl(ttl: number): boolean {
  return ttl >= 1 && ttl <= mostRecordTtl;
}

const mostTxt = 4096;
const stringOctets = 255;

/**
 * Parse the values of a record. A TXT value is plain text; the others are in presentation form, where a host name with a
 * dot in it is absolute with or without a final one, and one without any is relative to the zone. The text of a CAA needs
 * no quotes.
 *
 * @throws DnssecError request-invalid, naming the value; DnsError rdata-invalid, name-invalid
 */
export function parseRecordValues(type: RRType, values: readonly string[], apex: CanonicalName): Rdata[] {
  const single: ReadonlySet<RRType> = new Set([rrTypes.CNAME, rrTypes.DNAME]);
  if (single.has(type) && values.length > 1)
    throw new DnssecError('request-invalid', `values: a ${formatRRType(type)} has one value`);
  const rdatas = values.map((value, index) => {
    try {
      return type === rrTypes.TXT ? composeTxt(value) : parseRdataText(type, presentationForm(type, value), apex);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new DnssecError('request-invalid', `values[${index}]: ${error.message}`, {
        cause: error,
        details: { in: 'body', pointer: `/values/${index}` },
      });
    }
  });
  const twin = rdatas.findIndex((rdata, index) => rdatas.indexOf(rdata) !== index);
  if (twin !== -1) throw new DnssecError('request-invalid', `values[${twin}]: the same record stands before it`);
  return rdatas;
}

/** Write RDATA as a value that `parseRecordValues` reads. */
export function formatRecordValue(type: RRType, rdata: Rdata): string {
  if (type !== rrTypes.TXT) return formatRdata(type, rdata);
  const octets: number[] = [];
  for (let at = 0; at < rdata.length; at += 1 + rdata.charCodeAt(at)) {
    for (let index = 1; index <= rdata.charCodeAt(at); index++) octets.push(rdata.charCodeAt(at + index));
  }
  return new TextDecoder().decode(Uint8Array.from(octets));
}

function presentationForm(type: RRType, value: string): string {
  const text = type === rrTypes.CAA ? withQuotedText(value) : withAbsoluteHost(type, value);
  if (text.replaceAll(/\\.|"(?:\\.|[^"\\])*"/g, '').includes(';'))
    throw new DnssecError('request-invalid', 'a ";" begins a comment, which no value has: quote what holds it');
  return text;
}

/** The text of a CAA is all that stands behind its tag. Source: RFC 8659 §4.1.1. */
function withQuotedText(value: string): string {
  const [, flags, tag, text] = /^(\d+)\s+(\w+)\s+([^"\s].*)$/.exec(value.trim()) ?? [];
  return text === undefined ? value : `${flags} ${tag} "${text}"`;
}

function withAbsoluteHost(type: RRType, value: string): string {
  const index = hostWord[type];
  if (index === undefined || value.startsWith('\\#')) return value;
  const words = value.trim().split(/\s+/);
  const host = words[index];
  if (host === undefined || !/[^.\\].*\.[^.]/.test(host) || host.endsWith('.')) return value;
  words[index] = `${host}.`;
  return words.join(' ');
}

/** Split a text into strings of at most 255 octets. Source: RFC 1035 §3.3.14. */
function composeTxt(value: string): Rdata {
  const octets = utf8Octets(value);
  if (octets.length > mostTxt)
    throw new DnssecError('request-invalid', `a text has at most ${mostTxt} octets, this one has ${octets.length}`);
  let rdata = '';
  for (let at = 0; at === 0 || at < octets.length; at += stringOctets) {
    const piece = octets.slice(at, at + stringOctets);
    rdata += octetsOf(piece.length) + piece;
  }
  return rdata as Rdata;
}
