import type { JobLedger } from '#dnssec/adapters/jobs/ledger.ts';
import type { JobQueue } from '#dnssec/ports-jobs.ts';
import type { Clock } from '#lib/clock.ts';

/** Dead jobs that are put again at once. */
const together = 500;

type LedgerCalls = Pick<JobQueue, 'listDead' | 'listGroups' | 'findGroup' | 'retryDead'>;

/** The calls of a queue that the ledger answers. */
export function ledgerCalls(ledger: JobLedger, put: JobQueue['put']): LedgerCalls {
  return {
    listDead: (limit, after) => ledger.listDead(limit, after),
    listGroups: (limit) => ledger.listGroups(limit),
    findGroup: (id) => ledger.findGroup(id),
    async retryDead(zoneIds) {
      const wanted = zoneIds === undefined ? undefined : new Set(zoneIds);
      let number = 0;
      let after = 0;
      for (;;) {
        const dead = await ledger.listDead(together, after);
        const last = dead.at(-1);
        if (last === undefined) return number;
        after = last.zoneId;
        const chosen = dead.filter(({ zoneId }) => wanted?.has(zoneId) ?? true);
        // Put first: should the process end in between, the job runs and leaves the list by itself.
        await put(chosen.map(({ zoneId, priority }) => ({ zoneId, priority })));
        await ledger.revive(chosen.map(({ zoneId }) => zoneId));
        number += chosen.length;
      }
    },
  };
}

/** Note the members of a group before their jobs can run. */
export async function joinGroup(
  ledger: JobLedger,
  clock: Clock,
  ...[jobs, group]: Parameters<JobQueue['put']>
): Promise<void> {
  if (group === undefined) return;
  const zoneIds = jobs.map(({ zoneId }) => zoneId).toSorted((left, right) => left - right); // as runs lock them
  await ledger.putGroup(group, zoneIds, clock.now());
}
