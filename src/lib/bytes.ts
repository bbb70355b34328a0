import { Buffer } from 'node:buffer';

/** Join byte arrays into a new one. */
export function joinBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/**
 * Return a byte array that is yet to be filled: what it holds is left over from others. Small ones are cut from a shared
 * block, which costs a quarter of a buffer of its own, so their buffer must not be transferred. Never for key material.
 */
export function allocateBytes(length: number): Uint8Array<ArrayBuffer> {
  return Buffer.allocUnsafe(length);
}

/** Tell whether octets that Node allocated may share their buffer with others, as small ones do. */
export function isPooled({ buffer }: Uint8Array): boolean {
  return buffer.byteLength <= Buffer.poolSize;
}

/** Show bytes as a `Buffer` where an interface of Node asks for one. The memory is shared, not copied. */
export function bufferView(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Encode text as UTF-8. */
export function utf8Bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
