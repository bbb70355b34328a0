import { jobPriorities, type JobPriority } from '#dnssec/core/managed/urgency.ts';
import type { DeadJob, JobGroupProgress } from '#dnssec/ports-jobs.ts';

/** A row of `dead_jobs`. */
export interface DeadRow {
  readonly zone: number;
  readonly priority: number;
  readonly attempts: number;
  readonly error: string;
  readonly at: number;
}

/** A group with its members counted. */
export interface GroupRow {
  readonly id: string;
  readonly title: string;
  readonly started_at: number;
  readonly ended_at: number | null;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
}

/** 0 is the most urgent. */
export function rankOf(priority: JobPriority): number {
  return jobPriorities.indexOf(priority);
}

/** @throws RangeError */
export function priorityOf(rank: number): JobPriority {
  const priority = jobPriorities[rank];
  if (priority === undefined) throw new RangeError(`${rank} is no rank of a priority`);
  return priority;
}

export function deadFromRow({ zone, priority, attempts, error, at }: DeadRow): DeadJob {
  return { zoneId: zone, priority: priorityOf(priority), attempts, error, at };
}

export function groupFromRow(row: GroupRow): JobGroupProgress {
  const { id, title, total, done, failed } = row;
  const open = total - done - failed;
  const isOver = open === 0 && row.ended_at !== null;
  return {
    id,
    title,
    startedAt: row.started_at,
    ...(isOver ? { endedAt: row.ended_at } : {}),
    total,
    open,
    done,
    failed,
  };
}
