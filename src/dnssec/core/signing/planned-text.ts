import { base64Length } from '#lib/encoding.ts';
import type { Octets } from '#lib/octets.ts';
import { type Packed, Packer } from '#lib/packed.ts';
import { rrTypes } from '#dns/rr-type.ts';
import type { Rdata } from '#dns/rrset.ts';
import { type LinePrinter, linePrinter, type ZoneForm } from '#dnssec/core/zone/line-printer.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import type { PlannedRRset } from '#dnssec/core/signing/plan.ts';
import { signatureOctets } from '#dnssec/core/signing/signature.ts';
import { packSignedData } from '#dnssec/core/signing/signed-data.ts';

/** What one key is to sign of a piece of a zone, and where it goes. */
export interface SignatureOrder {
  /** Index of the key among those that sign the zone. */
  readonly key: number;
  readonly signedData: Packed;
  /** Where the base64 of each signature has its room in the text. */
  readonly places: Uint32Array<ArrayBuffer>;
}

/** A piece of a signed zone as text, its RRSIGs with room for signatures that are yet to be made. */
export interface PlannedText {
  readonly text: Uint8Array<ArrayBuffer>;
  readonly rrsets: number;
  readonly orders: readonly SignatureOrder[];
}

/** Signatures in a piece, and octets of it: to ask for few takes as long as for many, and it lies in memory until they come. */
const signaturesPerPiece = 1000;
const octetsPerPiece = 1 << 20;
/** Room for most pieces where all is signed. */
const roomAtFirst = 1 << 18;
/** Signed data are seldom that much more than those of the piece before. */
const growth = 9 / 8;

/** Collects the orders of one key. */
interface OpenOrder {
  packer: Packer;
  places: number[];
  /** Stands for a signature, and is as long. */
  readonly placeholder: string;
  readonly base64Octets: number;
}

/** Prints planned RRsets with room for their signatures, and packs what is to be signed. */
export class TextPlanner {
  readonly #printer: LinePrinter;
  readonly #orders: ReadonlyMap<ZoneKey, OpenOrder>;
  #rrsets = 0;
  #signed = 0;

  constructor(form: ZoneForm, keys: readonly ZoneKey[]) {
    this.#printer = linePrinter(form, roomAtFirst);
    this.#orders = new Map(keys.map((key) => [key, openOrder(signatureOctets(key))]));
  }

  /** Whether a piece is there to be taken. */
  get isFull(): boolean {
    return this.#signed >= signaturesPerPiece || this.#printer.length >= octetsPerPiece;
  }

  get isEmpty(): boolean {
    return this.#rrsets === 0;
  }

  add({ rrset, owner: canonicalOwner, tasks }: PlannedRRset): void {
    const { owner, type, ttl, rdatas } = rrset;
    const printer = this.#printer;
    for (const rdata of rdatas) printer.add(owner, ttl, type, rdata);
    for (const { key, prefix } of tasks) {
      const order = this.#orders.get(key) as OpenOrder;
      printer.add(owner, ttl, rrTypes.RRSIG, (prefix + order.placeholder) as Rdata);
      order.places.push(printer.length - printer.tail - order.base64Octets);
      packSignedData(order.packer, prefix, canonicalOwner, rrset);
    }
    this.#rrsets++;
    if (tasks.length > 0) this.#signed++;
  }

  /** Return what was planned, and begin anew. */
  take(): PlannedText {
    const orders = Array.from(this.#orders.values(), (order, key) => {
      const places = Uint32Array.from(order.places);
      order.places = [];
      const signedData = order.packer.take();
      order.packer = new Packer(Math.ceil(signedData.bytes.length * growth), signedData.ends.length);
      return { key, signedData, places };
    });
    const piece = {
      text: this.#printer.take(),
      rrsets: this.#rrsets,
      orders: orders.filter(({ places }) => places.length > 0),
    };
    this.#rrsets = this.#signed = 0;
    return piece;
  }
}

function openOrder(octets: number): OpenOrder {
  const placeholder = '\0'.repeat(octets) as Octets;
  return { packer: new Packer(), places: [], placeholder, base64Octets: base64Length(octets) };
}
