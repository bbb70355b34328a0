import { textOf, TextOctets } from '#lib/text-octets.ts';
import { printName } from '#dns/name.ts';
import { formatRRType } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { printRdata } from '#dns/rdata/rdata.ts';

const chunkOctets = 524_288;
/** Most lines are shorter, so that a piece hardly ever has to grow at its end. */
const longLine = 4096;
const tab = 0x09;
const lineFeed = 0x0a;

/** Format as one master-file line with absolute names and no newline. Source: RFC 1035 §5.1. */
export function formatRecord(record: ResourceRecord): string {
  return textOf((out) => printRecord(record, out));
}

/** Print records as master-file lines, in pieces of about half a megabyte, each of which is the caller's. */
export function* printRecords(records: Iterable<ResourceRecord>): Generator<Uint8Array> {
  const out = new TextOctets(chunkOctets + longLine);
  for (const record of records) {
    printRecord(record, out);
    out.octet(lineFeed);
    if (out.length > chunkOctets) yield out.take();
  }
  if (out.length > 0) yield out.take();
}

function printRecord({ owner, ttl, type, rdata }: ResourceRecord, out: TextOctets): void {
  printName(owner, 0, owner.length, out);
  out.octet(tab);
  out.number(ttl);
  out.text('\tIN\t');
  out.text(formatRRType(type));
  out.octet(tab);
  printRdata(type, rdata, out);
}
