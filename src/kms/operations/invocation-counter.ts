import { KmsError } from '#kms/core/errors.ts';
import { invocationReservation, type InvocationState, invocationState } from '#kms/core/invocation-budget.ts';
import type { KeyStore } from '#kms/ports/key-store.ts';

interface Allotment {
  /** Encryptions that may still be made before the stored count has to grow. */
  left: number;
  /** The stored count, with what is left. */
  total: number;
}

/**
 * Counts the encryptions of AEAD key versions. Leave for many is taken from the store at a time; what a process does not
 * use before it ends counts as used.
 */
export class InvocationCounter {
  readonly #store: Pick<KeyStore, 'reserveInvocations'>;
  readonly #allotments = new Map<string, Allotment>();

  constructor(store: Pick<KeyStore, 'reserveInvocations'>) {
    this.#store = store;
  }

  /**
   * Take leave for encryptions with a key version.
   *
   * @returns whether the version is due for a rotation
   * @throws KmsError invocations-exhausted
   */
  async take(key: string, version: number, count: number): Promise<Exclude<InvocationState, 'refuse'>> {
    const name = `${key} ${version}`;
    let allotment = this.#allotments.get(name);
    if (allotment === undefined || allotment.left < count) {
      const more = Math.max(invocationReservation, count);
      const total = await this.#store.reserveInvocations(key, version, more);
      // Others may have taken meanwhile: what they left is counted as used.
      allotment = { left: more, total };
      this.#allotments.set(name, allotment);
    }
    const state = invocationState(allotment.total);
    if (state === 'refuse') {
      throw new KmsError(
        'invocations-exhausted',
        `version ${version} of key ${key} has encrypted as often as is safe with random nonces: encrypt with a newer version, or with another key`,
      );
    }
    allotment.left -= count;
    return state;
  }

  /** Give up the leave that is left for a key, which then counts as used. */
  forget(key: string): void {
    for (const name of this.#allotments.keys()) if (name.startsWith(`${key} `)) this.#allotments.delete(name);
  }
}
