import { secondsOf } from '#lib/clock.ts';
import { claimAge } from '#lib/idempotency.ts';
import { repeat, type Repetition } from '#lib/repeat.ts';
import type { ZonePorts } from '#dnssec/operations/zones/zone-ports.ts';

/** Milliseconds between two rounds. */
const interval = 100;
const hour = 3_600_000;
/** Rows of a kind that are deleted at a time: few, since whoever writes meanwhile waits. */
const together = 200;
/** Rounds that pass by when there was nothing to sweep. */
const restingRounds = 100;
/** Rounds that pass by while zones are held still: only those who hold them for very long see any sweeping. */
const heldRounds = 50;

/** Delete what zones, versions and requests have left behind, bit by bit, for as long as the service runs. */
export function startSweeping(
  { store, clock }: Pick<ZonePorts, 'store' | 'clock'>,
  onError: (error: unknown, what: string) => void,
): Repetition {
  let resting = 0;
  const round = async (): Promise<void> => {
    if (resting > 0) resting -= 1;
    else if (!(await store.sweep(secondsOf(clock), together))) resting = restingRounds;
    else if (store.isHeldStill()) resting = heldRounds;
  };
  const rounds = repeat(interval, round, (error) => onError(error, 'sweeping of former contents'));
  const forget = (): Promise<void> => store.dropClaims(clock.now() - claimAge);
  const forgetting = repeat(hour, forget, (error) => onError(error, 'forgetting old claims'));
  return {
    async stop() {
      await Promise.all([rounds.stop(), forgetting.stop()]);
    },
  };
}
