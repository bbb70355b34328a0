import { KmsError } from '#kms/core/errors.ts';
import { messageOf } from '#lib/errors.ts';
import { totalLength } from '#lib/packed.ts';

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

/** Compose a batch. */
export function composeBinaryBatch(head: object, items: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const headOctets = new TextEncoder().encode(JSON.stringify(head));
  const lengthsStart = integerOctets + headOctets.length + integerOctets;
  let position = lengthsStart + items.length * integerOctets;
  const batch = new Uint8Array(position + totalLength(items));
  const view = new DataView(batch.buffer);
  view.setUint32(0, headOctets.length);
  batch.set(headOctets, integerOctets);
  view.setUint32(lengthsStart - integerOctets, items.length);
  for (let index = 0; index < items.length; index++) {
    const item = items[index] as Uint8Array;
    view.setUint32(lengthsStart + index * integerOctets, item.length);
    batch.set(item, position);
    position += item.length;
  }
  return batch;
}

export interface ParsedBinaryBatch {
  /** Any JSON; to be checked by whoever reads it. */
  readonly head: unknown;
  /** Views of the batch. */
  readonly items: Uint8Array[];
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
  let position = lengthsStart + count * integerOctets;
  const items: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const length = integerAt(view, lengthsStart + index * integerOctets, `the length of item ${index}`);
    items.push(batch.subarray(position, position + length));
    position += length;
    if (position > batch.length) throw malformed(`it is cut short in item ${index}`);
  }
  if (position !== batch.length) throw malformed(`${batch.length - position} octets are left over at its end`);
  return { head: parseHead(batch.subarray(integerOctets, headEnd)), items };
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
