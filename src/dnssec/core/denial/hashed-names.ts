import { OctetStore } from '#lib/octet-store.ts';
import type { Octets } from '#lib/octets.ts';
import { sortedIndexes } from '#lib/sorted-indexes.ts';
import { type CanonicalName, formatName } from '#dns/name.ts';
import type { RRType } from '#dns/rr-type.ts';
import { composeTypeBitmap } from '#dns/type-bitmap.ts';
import { DnssecError } from '#dnssec/core/errors.ts';

/** Names with their hashes and bitmaps, kept as octets: there may be millions. */
export class HashedNames {
  readonly #owners = new OctetStore();
  readonly #hashes = new OctetStore();
  readonly #bitmaps: Octets[] = [];
  /** Bitmaps by types: a zone has few kinds of names. */
  readonly #kinds = new Map<string, Octets>();

  add(owner: CanonicalName, hashed: Octets, types: readonly RRType[]): void {
    const kind = types.join();
    let bitmap = this.#kinds.get(kind);
    if (bitmap === undefined) this.#kinds.set(kind, (bitmap = composeTypeBitmap(types)));
    this.#owners.add(owner);
    this.#hashes.add(hashed);
    this.#bitmaps.push(bitmap);
  }

  ownerOf(number: number): CanonicalName {
    return this.#owners.get(number) as CanonicalName;
  }

  hashOf(number: number): Octets {
    return this.#hashes.get(number);
  }

  bitmapOf(number: number): Octets {
    return this.#bitmaps[number] as Octets;
  }

  /** Return the numbers of the names in ascending order of their hashes. @throws DnssecError zone-invalid */
  inOrder(): Uint32Array {
    const order = sortedIndexes(this.#hashes);
    for (let index = 1; index < order.length; index++) {
      const [one, other] = [order[index - 1] as number, order[index] as number];
      if (this.#hashes.areEqual(one, other)) {
        throw new DnssecError(
          'zone-invalid',
          `${formatName(this.ownerOf(one))} and ${formatName(this.ownerOf(other))} have the same NSEC3 hash: use a salt`,
        );
      }
    }
    return order;
  }
}
