/** Hand-made DER of ECDSA signatures, right and wrong. */

/** Compose an INTEGER of these octets as they are, minimal or not. */
export function derInteger(octets: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(2), derLength(octets.length), octets);
}

/** Compose a SEQUENCE of parts. */
export function derSequence(...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(...parts);
  return concat(Uint8Array.of(0x30), derLength(body.length), body);
}

/** The octets of a number as a minimal non-negative INTEGER has them. */
export function integerOctets(value: bigint): Uint8Array {
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  const octets = Uint8Array.from(Buffer.from(hex, 'hex'));
  return (octets[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), octets) : octets;
}

function derLength(length: number): Uint8Array {
  return length < 128 ? Uint8Array.of(length) : Uint8Array.of(0x81, length);
}

/** Read r and s out of a good signature. */
export function readSignature(der: Uint8Array): { readonly r: bigint; readonly s: bigint } {
  let at = (der[1] ?? 0) > 0x80 ? 3 : 2;
  const read = (): bigint => {
    const length = der[at + 1] ?? 0;
    const value = BigInt(`0x${Buffer.from(der.subarray(at + 2, at + 2 + length)).toString('hex')}`);
    at += 2 + length;
    return value;
  };
  return { r: read(), s: read() };
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
