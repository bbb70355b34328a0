import { expect, test } from 'vitest';
import { mapInOrder } from '#lib/map-in-order.ts';

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

test('results come in the order of the items, whichever ends first', async () => {
  const slowFirst = (item: number) => new Promise<number>((resolve) => setTimeout(() => resolve(item * 10), 5 - item));
  expect(await collect(mapInOrder([1, 2, 3, 4], 4, slowFirst))).toEqual([10, 20, 30, 40]);
});

test('no more items are under way than allowed', async () => {
  let running = 0;
  let most = 0;
  await collect(
    mapInOrder([1, 2, 3, 4, 5, 6], 2, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    }),
  );
  expect(most).toBe(2);
});

test('a failure stops the source and is thrown after the others ended', async () => {
  const started: number[] = [];
  const ended: number[] = [];
  const work = async (item: number) => {
    started.push(item);
    await new Promise((resolve) => setImmediate(resolve));
    if (item === 1) throw new Error('item 1 is bad');
    ended.push(item);
    return item;
  };
  await expect(collect(mapInOrder([1, 2, 3, 4, 5], 2, work))).rejects.toThrow('item 1 is bad');
  expect(started).toEqual([1, 2]);
  expect(ended).toEqual([2]);
});

test('a consumer that stops early leaves nothing running', async () => {
  const ended: number[] = [];
  const work = async (item: number) => {
    await new Promise((resolve) => setImmediate(resolve));
    ended.push(item);
    return item;
  };
  for await (const item of mapInOrder([1, 2, 3, 4], 3, work)) {
    expect(item).toBe(1);
    break;
  }
  expect(ended).toEqual([1, 2, 3]);
});
