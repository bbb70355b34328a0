import { base64Length, writeBase64 } from '#lib/encoding.ts';
import { octetsFrom } from '#lib/octets.ts';
import { runOf, startOf } from '#lib/packed.ts';
import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';
import type { PlannedText, SignatureOrder } from '#dnssec/core/signing/planned-text.ts';
import { signatureOctets } from '#dnssec/core/signing/signature.ts';
import { subjectOf } from '#dnssec/core/signing/signed-data.ts';
import { type CheckedBatch, notVerified } from '#dnssec/core/signing/verified.ts';

declare const verified: unique symbol;

/** A piece of a signed zone as it may be published: all signatures in it were verified. Only `admitVerifiedText` makes one. */
export interface VerifiedText {
  readonly text: Uint8Array<ArrayBuffer>;
  readonly rrsets: number;
  readonly signatures: number;
  readonly [verified]: true;
}

/**
 * Put signatures into the room that a text has for them, each of which must have been found valid under the DNSKEY that is
 * published. See `admitVerified`.
 *
 * @param planned whose text is written to
 * @param checked what became of its orders, in their order
 * @throws DnssecError signature-invalid
 */
export function admitVerifiedText(planned: PlannedText, checked: readonly CheckedBatch[]): VerifiedText {
  const { text, rrsets, orders } = planned;
  let count = 0;
  for (const [index, order] of orders.entries()) {
    fillIn(text, order, checked[index] as CheckedBatch);
    count += order.places.length;
  }
  return { text, rrsets, signatures: count } as unknown as VerifiedText;
}

function fillIn(
  text: Uint8Array,
  { signedData, places }: SignatureOrder,
  { key, signatures, valid }: CheckedBatch,
): void {
  const room = base64Length(signatureOctets(key));
  for (let index = 0; index < places.length; index++) {
    const start = startOf(signatures, index);
    const end = signatures.ends[index];
    if (end === undefined || valid[index] !== 1 || base64Length(end - start) !== room)
      throw failure(runOf(signedData, index), key);
    writeBase64(text, places[index] as number, signatures.bytes, start, end);
  }
}

function failure(signedData: Uint8Array, key: ZoneKey): Error {
  const { owner, type } = subjectOf(octetsFrom(signedData));
  return notVerified(owner, type, key);
}
