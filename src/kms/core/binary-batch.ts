import { KmsError } from '#kms/core/errors.ts';
import { messageOf } from '#lib/errors.ts';
import { type Packed, totalLength } from '#lib/packed.ts';

/**
 * A batch as octets, for those who send many: no base64, and one pass over the body on either side.
 *
 * ```
 * uint32 length of the head │ head: JSON, in UTF-8 │ uint32 number of items │ uint32 length of each │ the items
 * ```
 *
 * Integers are unsigned and in network order. The head has what a JSON body has beside its items.
 */
export const binaryBatchType = 'application/vnd.zoneseal.batch';

const integerOctets = 4;
/** Octets of a head of a request; that of an answer has an entry for each item that failed. */
const longestHead = 65_536;

/** Compose a batch of items that are packed in one or more parts. */
export function composeBinaryBatch(head: object, ...parts: readonly Packed[]): Uint8Array<ArrayBuffer> {
  const headOctets = new TextEncoder().encode(JSON.stringify(head));
  const lengthsStart = integerOctets + headOctets.length + integerOctets;
  const count = parts.reduce((sum, { ends }) => sum + ends.length, 0);
  let position = lengthsStart + count * integerOctets;
  const batch = new Uint8Array(position + totalLength(parts.map(({ bytes }) => bytes)));
  const view = new DataView(batch.buffer);
  view.setUint32(0, headOctets.length);
  batch.set(headOctets, integerOctets);
  view.setUint32(lengthsStart - integerOctets, count);
  let lengthAt = lengthsStart;
  for (const { bytes, ends } of parts) {
    for (let index = 0, start = 0; index < ends.length; index++, lengthAt += integerOctets) {
      const end = ends[index] as number;
      view.setUint32(lengthAt, end - start);
      start = end;
    }
    batch.set(bytes, position);
    position += bytes.length;
  }
  return batch;
}

export interface ParsedBinaryBatch {
  /** Any JSON; to be checked by whoever reads it. */
  readonly head: unknown;
  /** A view of the batch, not a copy. */
  readonly items: Packed;
}

/**
 * Parse a batch, which must be as long as it says.
 *
 * @param limits the most octets of the head and the most items
 * @throws KmsError payload-invalid
 */
export function parseBinaryBatch(
  batch: Uint8Array,
  limits: { readonly head?: number; readonly items: number },
): ParsedBinaryBatch {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const headEnd = integerOctets + integerAt(view, 0, 'the length of its head');
  if (headEnd - integerOctets > (limits.head ?? longestHead)) throw malformed('its head is too long');
  const count = integerAt(view, headEnd, 'the number of its items');
  if (count > limits.items) throw malformed(`it has ${count} items, and at most ${limits.items} are taken`);
  const lengthsStart = headEnd + integerOctets;
  const itemsStart = lengthsStart + count * integerOctets;
  if (itemsStart > batch.length) throw malformed('it is cut short before the lengths of its items');
  const bytes = new Uint8Array(batch.buffer as ArrayBuffer, batch.byteOffset + itemsStart, batch.length - itemsStart);
  const ends = new Uint32Array(count);
  let end = 0;
  for (let index = 0; index < count; index++) {
    end += view.getUint32(lengthsStart + index * integerOctets);
    if (end > bytes.length) throw malformed(`it is cut short in item ${index}`);
    ends[index] = end;
  }
  if (end !== bytes.length) throw malformed(`${bytes.length - end} octets are left over at its end`);
  return { head: parseHead(batch.subarray(integerOctets, headEnd)), items: { bytes, ends } };
}

function parseHead(octets: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets));
  } catch (error) {
    throw new KmsError('payload-invalid', 'the binary batch is malformed: its head is not JSON in UTF-8', {
      cause: messageOf(error),
    });
  }
}

function integerAt(view: DataView, offset: number, what: string): number {
  if (offset + integerOctets > view.byteLength) throw malformed(`it is cut short before ${what}`);
  return view.getUint32(offset);
}

function malformed(why: string): KmsError {
  return new KmsError('payload-invalid', `the binary batch is malformed: ${why}`);
}
