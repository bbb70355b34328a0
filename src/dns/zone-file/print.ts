import { textOf, TextOctets } from '#lib/text-octets.ts';
import { type Name, printName } from '#dns/name.ts';
import { formatRRType, type RRType } from '#dns/rr-type.ts';
import type { Rdata, ResourceRecord } from '#dns/rrset.ts';
import { printRdata } from '#dns/rdata/rdata.ts';

const chunkOctets = 524_288;
/** Most lines are shorter, so that a piece hardly ever has to grow at its end. */
const longLine = 4096;
const tab = 0x09;
const lineFeed = 0x0a;

/** Format as one master-file line with absolute names and no newline. Source: RFC 1035 §5.1. */
export function formatRecord({ owner, ttl, type, rdata }: ResourceRecord): string {
  return textOf((out) => printRecord(owner, ttl, type, rdata, out));
}

/** Print records as master-file lines, in pieces of about half a megabyte, each of which is the caller's. */
export function* printRecords(records: Iterable<ResourceRecord>): Generator<Uint8Array> {
  const printer = new RecordPrinter();
  for (const { owner, ttl, type, rdata } of records) {
    printer.add(owner, ttl, type, rdata);
    if (printer.isFull) yield printer.take();
  }
  if (printer.length > 0) yield printer.take();
}

/** Prints records as master-file lines, one after the other. */
export class RecordPrinter {
  readonly #chunkOctets: number;
  readonly #out: TextOctets;

  /** @param octets that are printed before they are taken, about */
  constructor(octets = chunkOctets) {
    this.#chunkOctets = octets;
    this.#out = new TextOctets(octets + longLine);
  }

  add(owner: Name, ttl: number, type: RRType, rdata: Rdata): void {
    printRecord(owner, ttl, type, rdata, this.#out);
    this.#out.octet(lineFeed);
  }

  /** Octets that are there to be taken. */
  get length(): number {
    return this.#out.length;
  }

  /** Whether as much is there to be taken as was said. */
  get isFull(): boolean {
    return this.length > this.#chunkOctets;
  }

  /** Return what was printed, and begin anew. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#out.take();
  }
}

function printRecord(owner: Name, ttl: number, type: RRType, rdata: Rdata, out: TextOctets): void {
  printName(owner, 0, owner.length, out);
  out.octet(tab);
  out.number(ttl);
  out.text('\tIN\t');
  out.text(formatRRType(type));
  out.octet(tab);
  printRdata(type, rdata, out);
}
