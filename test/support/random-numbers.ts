/** Return a generator of unsigned 32-bit numbers that depends on `seed` alone (xorshift). */
export function randomNumbers(seed: number): () => number {
  let state = (Math.imul(seed, 2_654_435_761) + 0x9e3779b9) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
