import type { OctetStore } from '#lib/octet-store.ts';

/** Octets that are compared at once. */
const octetsInWord = 4;
/** So few values are not worth the words. */
const fewValues = 24;

/** Index of the half of a 64-bit word that counts less: the first one on most machines. */
const lowHalf = new Uint32Array(BigUint64Array.of(1n).buffer)[0] === 1 ? 0 : 1;

/**
 * Return the numbers of the values of a store in ascending order of their octets; those of equal ones stay in order.
 *
 * Values that begin alike, as the keys of a zone do, are told apart by the next four octets: those are sorted as numbers,
 * which takes a fraction of the time of comparing. What they leave open is sorted in the same way; by comparison where it
 * is little, or where a value ended, since its end counts as octets 0.
 *
 * @param common as many octets are known to be the same in all values
 */
export function sortedIndexes(values: OctetStore, common = 0): Uint32Array<ArrayBuffer> {
  const indexes = new Uint32Array(values.length);
  for (let index = 0; index < indexes.length; index++) indexes[index] = index;
  sortPart(values, indexes, 0, indexes.length, common);
  return indexes;
}

/** Sort indexes from `start` to `end`, whose values have the first `depth` octets in common, unless they end before. */
function sortPart(values: OctetStore, indexes: Uint32Array, start: number, end: number, depth: number): void {
  if (end - start <= fewValues) return insertInOrder(values, indexes, start, end);
  const common = commonLength(values, indexes, start, end, depth);
  if (common < depth) return sortByComparison(values, indexes, start, end);
  const words = new BigUint64Array(end - start);
  const halves = new Uint32Array(words.buffer);
  for (let at = start; at < end; at++) {
    const index = indexes[at] as number;
    halves[2 * (at - start) + lowHalf] = index;
    halves[2 * (at - start) + 1 - lowHalf] = values.wordAt(index, common);
  }
  words.sort();
  const wordAt = (at: number) => halves[2 * (at - start) + 1 - lowHalf];
  for (let at = start; at < end; at++) indexes[at] = halves[2 * (at - start) + lowHalf] as number;
  for (let from = start, to = start + 1; from < end; from = to++) {
    while (to < end && wordAt(to) === wordAt(from)) to++;
    if (to - from > 1) sortPart(values, indexes, from, to, common + octetsInWord);
  }
  return undefined;
}

/** Return how many octets all have in common, `depth` or more unless one ends before. */
function commonLength(values: OctetStore, indexes: Uint32Array, start: number, end: number, depth: number): number {
  const first = indexes[start] as number;
  let common = values.lengthOf(first);
  for (let at = start + 1; at < end; at++) common = values.commonLength(first, indexes[at] as number, depth, common);
  return common;
}

/** Sort few, without any call for each that costs more than they do. */
function insertInOrder(values: OctetStore, indexes: Uint32Array, start: number, end: number): void {
  for (let next = start + 1; next < end; next++) {
    const index = indexes[next] as number;
    let at = next;
    for (; at > start && values.compare(indexes[at - 1] as number, index) > 0; at--)
      indexes[at] = indexes[at - 1] as number;
    indexes[at] = index;
  }
}

function sortByComparison(values: OctetStore, indexes: Uint32Array, start: number, end: number): void {
  indexes.subarray(start, end).sort((left, right) => values.compare(left, right) || left - right);
}
