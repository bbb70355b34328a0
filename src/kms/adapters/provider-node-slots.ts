import type { Libsodium } from '#lib/libsodium.ts';

const slotOctets = 64;
const slotsPerBlock = 64;

/**
 * Places for secrets of 64 octets, cut from pages that libsodium locks into memory, keeps out of core dumps and fences
 * in. Pages of its own for each secret would be 4 mappings: a few thousand keys use up what the system lets a process have.
 */
export class SecretSlots {
  readonly #libsodium: Libsodium;
  readonly #free: Uint8Array[] = [];

  constructor(libsodium: Libsodium) {
    this.#libsodium = libsodium;
  }

  /** Return a slot of zeros. Whoever takes it gives it back. */
  take(): Uint8Array {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const block = this.#libsodium.sodium_malloc(slotOctets * slotsPerBlock).fill(0);
    for (let start = slotOctets; start < block.length; start += slotOctets) {
      this.#free.push(block.subarray(start, start + slotOctets));
    }
    return block.subarray(0, slotOctets);
  }

  /** Wipe a slot and let others have it. */
  give(slot: Uint8Array): void {
    slot.fill(0);
    this.#free.push(slot);
  }
}
