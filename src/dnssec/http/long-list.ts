import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** Tell a list that comes page by page from one that is there. */
export function isPages<Item>(
  list: readonly Item[] | AsyncGenerator<readonly Item[]>,
): list is AsyncGenerator<readonly Item[]> {
  return !Array.isArray(list);
}

/** Answer with a list in JSON that is sent as its pages come, and cut off where one fails. */
export function sendList<Item>(
  reply: FastifyReply,
  pages: AsyncGenerator<readonly Item[]>,
  render: (item: Item) => object,
): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(Readable.from(jsonOf(pages, render)));
}

async function* jsonOf<Item>(
  pages: AsyncGenerator<readonly Item[]>,
  render: (item: Item) => object,
): AsyncGenerator<string> {
  let before = '[';
  for await (const page of pages) {
    if (page.length === 0) continue;
    yield before + page.map((item) => JSON.stringify(render(item))).join(',');
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}
