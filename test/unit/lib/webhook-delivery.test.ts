import { describe, expect, test } from 'vitest';
import { deliverDue, type DeliverableEvent, type WebhookSource, type WebhookStanding } from '#lib/webhook-delivery.ts';
import { FakeClock } from '#test/support/fake-clock.ts';

/** A webhook, the events that it is told of, and a receiver that may fail. */
function makeWorld(numbers: readonly number[], isWanted: (number: number) => boolean = () => true) {
  const clock = new FakeClock();
  const sent: { id: string; numbers: number[] }[] = [];
  const events: DeliverableEvent[] = [];
  const add = (...more: readonly number[]) => {
    for (const number of more) events.push({ number, ...(isWanted(number) ? { item: { number } } : {}) });
  };
  add(...numbers);
  const world = {
    clock,
    sent,
    add,
    webhook: { identity: 'w', url: 'u', delivered: 0, failures: 0, nextAttemptAt: clock.now() } as WebhookStanding,
    last: () => events.at(-1)?.number ?? 0,
    /** Called while a delivery is on its way. */
    onSend: () => undefined as void,
    onList: () => undefined as void,
  };
  const source: WebhookSource<WebhookStanding> = {
    clock,
    sender: {
      async send(_url, headers, body) {
        const told = JSON.parse(body).events.map(({ number }: { number: number }) => number);
        sent.push({ id: headers['webhook-id'] ?? '', numbers: told });
        world.onSend();
      },
    },
    listDue: async (now) =>
      world.webhook.nextAttemptAt <= now && world.webhook.delivered < world.last() ? [world.webhook] : [],
    async claim({ nextAttemptAt }, until) {
      if (world.webhook.nextAttemptAt !== nextAttemptAt) return false;
      world.webhook = { ...world.webhook, nextAttemptAt: until };
      return true;
    },
    async advance(webhook, until) {
      if (world.webhook.nextAttemptAt === until) world.webhook = webhook;
    },
    async lastNumber() {
      return world.last();
    },
    async listEvents({ delivered }, limit) {
      const found = events.filter(({ number }) => number > delivered).slice(0, limit);
      world.onList();
      return found;
    },
    secretOf: () => new Uint8Array(32),
  };
  return { world, deliver: () => deliverDue(source) };
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('deliveries', () => {
  test('go on until all events are told, a hundred at a time and in order', async () => {
    const { world, deliver } = makeWorld(upTo(250));
    await deliver();
    expect(world.sent.map(({ numbers }) => numbers.length)).toEqual([100, 100, 50]);
    expect(world.sent.flatMap(({ numbers }) => numbers)).toEqual(upTo(250));
    expect(world.webhook).toMatchObject({ delivered: 250, failures: 0 });
  });

  test('have the same id if they have the same events, and another one if there are more', async () => {
    const { world, deliver } = makeWorld([3]);
    world.onSend = () => {
      throw new Error('the answer is lost');
    };
    await deliver();
    world.clock.advance(5);
    await deliver();
    world.add(4);
    world.clock.advance(10);
    await deliver();
    expect(world.sent.map(({ id }) => id)).toEqual(['w-3-3', 'w-3-3', 'w-3-4']);
  });

  test('that fail come again after pauses that double up to an hour', async () => {
    const { world, deliver } = makeWorld([1]);
    world.onSend = () => {
      throw new Error('no');
    };
    const pauses: number[] = [];
    for (let count = 0; count < 12; count++) {
      await deliver();
      const pause = (world.webhook.nextAttemptAt - world.clock.now()) / 1000;
      pauses.push(pause);
      world.clock.advance(pause - 1);
      await deliver();
      world.clock.advance(1);
    }
    expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    expect(world.sent).toHaveLength(12);
    expect(world.webhook).toMatchObject({ delivered: 0, failures: 12, lastError: 'no' });
  });

  test('pass over what is not wanted, without a word to the receiver', async () => {
    const { world, deliver } = makeWorld(upTo(150), (number) => number === 120);
    await deliver();
    expect(world.sent.map(({ numbers }) => numbers)).toEqual([[120]]);
    expect(world.webhook.delivered).toBe(150);
  });

  test('lose no event that comes while events are read', async () => {
    const { world, deliver } = makeWorld([1], () => true);
    let isFirst = true;
    world.onList = () => {
      if (isFirst) world.add(2);
      isFirst = false;
    };
    await deliver();
    await deliver();
    expect(world.sent.flatMap(({ numbers }) => numbers)).toEqual([1, 2]);
  });

  test('are made by one process at a time, and one that was too slow moves nothing back', async () => {
    const { world, deliver } = makeWorld([1]);
    const others: Promise<void>[] = [];
    world.onSend = () => {
      world.onSend = () => undefined;
      others.push(deliver()); // the claim holds
      expect(world.sent).toHaveLength(1);
      world.clock.advance(60); // and is over
      world.webhook = { ...world.webhook, delivered: 1, nextAttemptAt: world.clock.now() + 7 };
    };
    await deliver();
    await Promise.all(others);
    expect(world.sent).toHaveLength(1);
    expect(world.webhook).toMatchObject({ delivered: 1, nextAttemptAt: world.clock.now() + 7 });
  });
});
