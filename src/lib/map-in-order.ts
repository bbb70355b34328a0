/**
 * Run `work` on the items with at most `concurrency` at a time and yield the results in the order of the items.
 * The source is read only as far as there is room, so memory is bounded by `concurrency` results. When an item fails,
 * or the consumer stops, no further item is started and those under way are awaited before the failure is thrown.
 */
export async function* mapInOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  concurrency: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      result.catch(() => undefined); // it is awaited below, in its turn
      underWay.push(result);
      const first = underWay.length >= concurrency ? underWay.shift() : undefined;
      if (first !== undefined) yield await first;
    }
    for (let first = underWay.shift(); first !== undefined; first = underWay.shift()) yield await first;
  } finally {
    await Promise.allSettled(underWay);
  }
}
