import { formatName, type Name } from '#dns/name.ts';
import { formatRRType } from '#dns/rr-type.ts';
import type { ResourceRecord } from '#dns/rrset.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';

const chunkLength = 524_288;

/** Format as one master-file line with absolute names and no newline. Source: RFC 1035 §5.1. */
export function formatRecord(record: ResourceRecord): string {
  return `${formatName(record.owner)}\t${record.ttl}\tIN\t${formatRRType(record.type)}\t${formatRdata(record.type, record.rdata)}`;
}

/** Print records as master-file lines, in pieces of about half a megabyte. */
export function* printRecords(records: Iterable<ResourceRecord>): Generator<string> {
  let chunk = '';
  let lastOwner: Name | undefined;
  let ownerText = '';
  for (const { owner, ttl, type, rdata } of records) {
    if (owner !== lastOwner) {
      lastOwner = owner;
      ownerText = formatName(owner);
    }
    chunk += `${ownerText}\t${ttl}\tIN\t${formatRRType(type)}\t${formatRdata(type, rdata)}\n`;
    if (chunk.length > chunkLength) {
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}
