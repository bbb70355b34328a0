/**
 * Cut a stream into messages, each with its length as 16 bits before it. Octets are joined once per message at most,
 * however small the pieces that they come in.
 *
 * Source: RFC 1035 §4.2.2.
 */
export async function* messagesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let held = 0;
  let needed = 2;
  for await (const piece of stream) {
    pieces.push(piece);
    held += piece.length;
    if (held < needed) continue;
    const bytes = pieces.length === 1 ? piece : Buffer.concat(pieces, held);
    let start = 0;
    for (;;) {
      const end = endOfMessage(bytes, start);
      needed = end - start;
      if (end > held) break;
      yield bytes.subarray(start + 2, end);
      start = end;
    }
    pieces = start < held ? [bytes.subarray(start)] : [];
    held -= start;
  }
}

/** @returns the index after the message at `start`, or after its length when that is not there yet */
function endOfMessage(bytes: Uint8Array, start: number): number {
  const [high, low] = [bytes[start], bytes[start + 1]];
  return high === undefined || low === undefined ? start + 2 : start + 2 + ((high << 8) | low);
}

/**
 * Put its length before a message.
 *
 * @throws RangeError when it has more than 65 535 octets, as with a record that no message has room for
 */
export function framed(message: Uint8Array): Uint8Array {
  if (message.length > 0xffff) throw new RangeError(`a message of ${message.length} octets cannot be sent`);
  const bytes = new Uint8Array(2 + message.length);
  bytes[0] = message.length >>> 8;
  bytes[1] = message.length;
  bytes.set(message, 2);
  return bytes;
}
