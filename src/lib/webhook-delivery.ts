import type { Clock } from '#lib/clock.ts';
import { messageOf } from '#lib/errors.ts';
import type { WebhookSender } from '#lib/webhook-sender.ts';
import { signDelivery } from '#lib/webhook-signature.ts';

/** Events that are looked at for one delivery. */
const mostTogether = 100;
/** Deliveries one after the other before others have their turn. */
const mostInTurn = 20;
/** Milliseconds for which a process has a webhook to itself. */
const claimTime = 60_000;
const firstPause = 5000;
const longestPause = 3_600_000;

/** How far somebody has come who is told of events. */
export interface WebhookStanding {
  readonly identity: string;
  readonly url: string;
  /** The last event that its receiver took. */
  readonly delivered: number;
  /** Tries since then that failed. */
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly nextAttemptAt: number;
  readonly lastError?: string;
}

/** An event with its number in the order of all; without an `item` the receiver does not want it. */
export interface DeliverableEvent {
  readonly number: number;
  /** As it travels. */
  readonly item?: object;
}

/**
 * Webhooks and the events that they are told of. Numbers grow in the order in which events become visible: none appears
 * below one that was seen.
 */
export interface WebhookSource<Webhook extends WebhookStanding> {
  readonly clock: Clock;
  readonly sender: WebhookSender;
  /** Webhooks whose next try is due. */
  listDue(now: number): Promise<readonly Webhook[]>;
  /**
   * Take a due webhook for this process by moving its next try, so that no other process delivers meanwhile.
   *
   * @returns false when another was first
   */
  claim(webhook: Webhook, until: number): Promise<boolean>;
  /** Write down how far a webhook came that was claimed until then. */
  advance(webhook: Webhook, claimedUntil: number): Promise<void>;
  /** Number of the last event, whoever is told of it; 0 without any. */
  lastNumber(): Promise<number>;
  /** Events of a webhook after the last that was taken, oldest first. */
  listEvents(webhook: Webhook, limit: number): Promise<readonly DeliverableEvent[]>;
  /** Octets behind its `whsec_`. @throws Error when there is none any more */
  secretOf(webhook: Webhook): Uint8Array;
}

/**
 * Deliver what is due, each webhook in the order of the events and at least once. One that fails is tried again after a
 * pause that doubles up to an hour; nothing is given up. A process that dies with a claim delays its webhook by a minute, and
 * the next one repeats what was not written down.
 */
export async function deliverDue<Webhook extends WebhookStanding>(source: WebhookSource<Webhook>): Promise<void> {
  const due = await source.listDue(source.clock.now());
  await Promise.all(due.map((webhook) => deliverAll(source, webhook)));
}

async function deliverAll<Webhook extends WebhookStanding>(
  source: WebhookSource<Webhook>,
  webhook: Webhook,
): Promise<void> {
  let rest: Webhook | undefined = webhook;
  for (let count = 0; count < mostInTurn && rest !== undefined; count++) rest = await deliver(source, rest);
}

/** Make one delivery. @returns the webhook as it stands then, where more may be due */
async function deliver<Webhook extends WebhookStanding>(
  source: WebhookSource<Webhook>,
  webhook: Webhook,
): Promise<Webhook | undefined> {
  const { clock } = source;
  const until = clock.now() + claimTime;
  if (!(await source.claim(webhook, until))) return undefined;
  const last = await source.lastNumber(); // before the events are read: what comes meanwhile is for the next time
  const events = await source.listEvents(webhook, mostTogether);
  const isFull = events.length === mostTogether;
  const delivered = Math.max(webhook.delivered, isFull ? 0 : last, ...events.map(({ number }) => number));
  const { lastError: _, ...unfailed } = webhook;
  try {
    await send(source, webhook, events);
  } catch (error) {
    const failures = webhook.failures + 1;
    const pause = Math.min(firstPause * 2 ** Math.min(failures - 1, 20), longestPause);
    const failed = {
      ...webhook,
      failures,
      nextAttemptAt: clock.now() + pause,
      lastError: messageOf(error).slice(0, 500),
    };
    await source.advance(failed, until);
    return undefined;
  }
  const advanced = { ...unfailed, delivered, failures: 0, nextAttemptAt: clock.now() } as Webhook;
  await source.advance(advanced, until);
  return isFull ? advanced : undefined;
}

/** The id names the events, so that a receiver takes a repetition for one only if it has them all. */
async function send<Webhook extends WebhookStanding>(
  source: WebhookSource<Webhook>,
  webhook: Webhook,
  events: readonly DeliverableEvent[],
): Promise<void> {
  const wanted = events.filter(({ item }) => item !== undefined);
  const [first, last] = [wanted[0], wanted.at(-1)];
  if (first === undefined || last === undefined) return;
  const body = JSON.stringify({ events: wanted.map(({ item }) => item) });
  const id = `${webhook.identity}-${first.number}-${last.number}`;
  const headers = signDelivery(id, Math.floor(source.clock.now() / 1000), body, source.secretOf(webhook));
  await source.sender.send(webhook.url, { ...headers }, body);
}
