import type { KeyEvent } from '#kms/core/key.ts';
import { authorise, type Caller, type KmsPorts } from '#kms/operations/context.ts';

export interface EventRequest {
  /** Number of the last event that the caller knows; 0 for all. */
  readonly after: number;
  readonly limit: number;
  /** Milliseconds to wait for an event when there is none. */
  readonly wait: number;
  /** Ends the waiting early, when the caller has gone. */
  readonly signal: AbortSignal;
}

/** Wakes those who wait for events. */
export interface EventBell {
  /** Resolves at the next ring, after `timeout` milliseconds, or when the signal is aborted. */
  next(timeout: number, signal: AbortSignal): Promise<void>;
}

/** Between two looks for events that other processes made, in milliseconds. */
const lookInterval = 1000;

/** Return the key events of a scope after a number; when there is none, wait for one. */
export async function followEvents(
  ports: KmsPorts,
  bell: EventBell,
  caller: Caller,
  region: string,
  { after, limit, wait, signal }: EventRequest,
): Promise<readonly KeyEvent[]> {
  const { scope } = await authorise(ports, caller, region, 'ReadEvents');
  for (let left = wait; ; left -= lookInterval) {
    const rung = left > 0 ? bell.next(Math.min(left, lookInterval), signal) : undefined; // before the look, to miss none
    const events = await ports.store.listEvents(scope, after, limit);
    if (events.length > 0 || rung === undefined || signal.aborted) return events;
    await rung;
  }
}
