import { claimAge } from '#lib/idempotency.ts';
import { repeat, type Repetition } from '#lib/repeat.ts';
import { purgeDueKeys, rotateDueKeys } from '#kms/operations/change-by-system.ts';
import type { KmsPorts } from '#kms/operations/context.ts';
import { deliverWebhooks } from '#kms/operations/webhooks.ts';
import type { WebhookSender } from '#lib/webhook-sender.ts';

/** What the KMS does by itself, with the milliseconds between two rounds. */
interface Chore {
  readonly what: string;
  readonly interval: number;
  readonly work: () => Promise<unknown>;
}

const minute = 60_000;
const hour = 60 * minute;

/** Start the rounds: the first of each at once, and each round only when the one before is over. */
export function startHousekeeping(
  ports: KmsPorts,
  sender: WebhookSender,
  onError: (error: unknown, what: string) => void,
): Repetition {
  const { store, clock } = ports;
  const failed = (what: string) => (error: unknown, key: string) => onError(error, `${what} of ${key}`);
  const chores: readonly Chore[] = [
    {
      what: 'automatic rotation',
      interval: 15 * minute,
      work: () => rotateDueKeys(ports, failed('automatic rotation')),
    },
    { what: 'purge', interval: 15 * minute, work: () => purgeDueKeys(ports, failed('purge')) },
    { what: 'webhooks', interval: 2000, work: () => deliverWebhooks(ports, sender) },
    { what: 'forgetting old claims', interval: hour, work: () => store.dropClaims(clock.now() - claimAge) },
    { what: 'forgetting old access tokens', interval: hour, work: () => store.dropExpiredAccess(clock.now() - hour) },
  ];
  const repetitions = chores.map(({ what, interval, work }) => repeat(interval, work, (error) => onError(error, what)));
  return {
    async stop() {
      await Promise.all(repetitions.map((repetition) => repetition.stop()));
    },
  };
}
