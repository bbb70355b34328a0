import type { ZoneKey } from '#dnssec/core/keys/zone-key.ts';

/** Milliseconds for which a version that has proven itself need not do so again. */
const lasting = 60_000;
/** Proofs that are kept. */
const most = 1000;

interface Proof {
  /** Milliseconds. */
  readonly until: number;
  readonly key: Promise<ZoneKey>;
  /** Absent until it was asked for. */
  signed?: Promise<void>;
}

/** How a version of a KMS key is made a zone key. */
export interface Proving {
  /** Ask the KMS what key it is. */
  describe(): Promise<ZoneKey>;
  /** Check that the zone can use it, which each zone does for itself. */
  assertUsable(key: ZoneKey): void;
  /** Let it sign something, and check that. */
  assertSigns(key: ZoneKey): Promise<void>;
}

/**
 * Lets a version of a KMS key prove itself once for all zones that it is about to sign, and not once for each of them. What fails is
 * not kept, and what a version signs is verified whenever it signs.
 */
export class KeyProofs {
  readonly #proofs = new Map<string, Proof>();

  /**
   * @param name of the version, and of who asks for it
   * @param now milliseconds
   */
  async prove(name: string, now: number, proving: Proving): Promise<ZoneKey> {
    const proof = this.#proofFor(name, now, proving);
    try {
      const key = await proof.key;
      proving.assertUsable(key);
      await (proof.signed ??= proving.assertSigns(key));
      return key;
    } catch (error) {
      if (this.#proofs.get(name) === proof) this.#proofs.delete(name);
      throw error;
    }
  }

  #proofFor(name: string, now: number, proving: Proving): Proof {
    const before = this.#proofs.get(name);
    if (before !== undefined && now < before.until) return before;
    const proof = { until: now + lasting, key: proving.describe() };
    this.#proofs.delete(name);
    this.#proofs.set(name, proof);
    for (const oldest of this.#proofs.keys()) {
      if (this.#proofs.size <= most) break;
      this.#proofs.delete(oldest);
    }
    return proof;
  }
}
