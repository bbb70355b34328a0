import { TextOctets } from '#lib/text-octets.ts';
import { formatName, type Name } from '#dns/name.ts';
import { formatRRType, type RRType } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { formatRdata } from '#dns/rdata/rdata.ts';
import { RecordPrinter } from '#dns/zone-file/print.ts';

/** How a zone is written: as a master file, or as one JSON object for each record and line. */
export type ZoneForm = 'master' | 'ndjson';

/** Prints records as lines, one after the other. */
export interface LinePrinter {
  add(owner: Name, ttl: number, type: RRType, rdata: Rdata): void;
  /** Octets that are there to be taken. */
  readonly length: number;
  /** Octets of each line behind its RDATA. */
  readonly tail: number;
  /** Return what was printed, and begin anew. */
  take(): Uint8Array<ArrayBuffer>;
}

/** @param octets of room at first */
export function linePrinter(form: ZoneForm, octets: number): LinePrinter {
  return form === 'master' ? new MasterPrinter(octets) : new JsonPrinter(octets);
}

class MasterPrinter extends RecordPrinter implements LinePrinter {
  readonly tail = '\n'.length;
}

class JsonPrinter implements LinePrinter {
  readonly tail = '"}}\n'.length;
  readonly #out: TextOctets;

  constructor(octets: number) {
    this.#out = new TextOctets(octets);
  }

  add(owner: Name, ttl: number, type: RRType, rdata: Rdata): void {
    const record = { name: formatName(owner), type: formatRRType(type), ttl, rdata: formatRdata(type, rdata) };
    this.#out.text(`${JSON.stringify({ record })}\n`);
  }

  get length(): number {
    return this.#out.length;
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#out.take();
  }
}
