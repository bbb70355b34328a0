import type { SignatureVerifier } from '#dnssec/ports.ts';

/** One check in so many is made, and the first of every batch: each batch comes from few key versions. */
const oneIn = 64;

/**
 * Make a verifier that really checks a sample and takes the rest for good. It finds a KMS that signs with a wrong key,
 * and not one wrong signature among many good ones; for operators who trust their KMS and want the time back.
 */
export function sampledVerifier(verifier: SignatureVerifier): SignatureVerifier {
  let offset = 0;
  return {
    async verify(checks) {
      offset = (offset + 1) % oneIn; // so that the same names are not left out each time
      const chosen = checks.flatMap((_, index) => (index === 0 || index % oneIn === offset ? [index] : []));
      const outcomes = await verifier.verify(chosen.flatMap((index) => checks[index] ?? []));
      const results = checks.map(() => true);
      for (const [position, index] of chosen.entries()) results[index] = outcomes[position] === true;
      return results;
    },
    close: () => verifier.close(),
  };
}
