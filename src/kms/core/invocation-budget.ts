/**
 * How often one AEAD key version may encrypt. Nonces are random and 96 bits long; after 2³² of them two are the same
 * with a chance of 2⁻³³, which is the limit of NIST SP 800-38D §8.3. A new version is due long before.
 */

/** Encryptions after which a new version is made: the chance of a repeated nonce is then 2⁻⁴¹. */
export const rotateAfterInvocations = 2 ** 28;

/** Encryptions after which a version refuses to encrypt, for keys that cannot rotate. */
export const refuseAfterInvocations = 2 ** 30;

/** How many encryptions a process takes from the stored count at a time, so that not each of them is a write. */
export const invocationReservation = 65_536;

export type InvocationState = 'free' | 'rotate' | 'refuse';

/** Tell what a count of encryptions means for the version. A reserved but unused encryption counts as used. */
export function invocationState(count: number): InvocationState {
  if (count >= refuseAfterInvocations) return 'refuse';
  return count >= rotateAfterInvocations ? 'rotate' : 'free';
}
