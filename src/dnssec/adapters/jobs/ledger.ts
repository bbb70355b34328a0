import { type Database, DatabaseError, type Statement } from '#database/database.ts';
import { deadFromRow, type DeadRow, groupFromRow, type GroupRow, rankOf } from '#dnssec/adapters/jobs/job-rows.ts';
import { JoinedWrites } from '#dnssec/adapters/jobs/joined-writes.ts';
import type { DeadJob, JobGroup, JobGroupProgress } from '#dnssec/ports-jobs.ts';

/** Who runs the job of a zone. */
export interface Lease {
  readonly zoneId: number;
  /** Of one run, and of no other one ever. */
  readonly owner: string;
}

const counts = `SELECT g.id, g.title, g.started_at, max(m.ended_at) AS ended_at, count(m.zone) AS total,
    count(CASE WHEN m.state = 2 THEN 1 END) AS done, count(CASE WHEN m.state = 3 THEN 1 END) AS failed
  FROM job_groups g LEFT JOIN job_group_members m ON m.group_id = g.id`;

/** Asks since when the queue is paused: no row while it is not. */
export const askForPause = { sql: 'SELECT since FROM job_pause', values: [] } as const;

const sql = {
  take: `INSERT INTO job_leases (zone, owner, until, starts) VALUES (?, ?, ?, 1)
    ON CONFLICT (zone) DO UPDATE SET owner = excluded.owner, until = excluded.until, starts = job_leases.starts + 1
    WHERE job_leases.until <= ? AND job_leases.starts < ?`,
  begin: 'UPDATE job_group_members SET state = 1 WHERE zone = ? AND state <> 2',
  starts: 'SELECT starts FROM job_leases WHERE zone = ? AND until <= ?',
  renew: 'UPDATE job_leases SET until = ? WHERE zone = ? AND owner = ? RETURNING zone',
  giveBack: 'UPDATE job_leases SET until = 0, starts = 0 WHERE zone = ? AND owner = ?',
  end: 'DELETE FROM job_leases WHERE zone = ? AND owner = ?',
  letGo: 'DELETE FROM job_leases WHERE zone = ? AND until <= ?',
  endMembers: 'UPDATE job_group_members SET state = ?, ended_at = ? WHERE zone = ? AND state = 1',
  putDead: `INSERT INTO dead_jobs (zone, priority, attempts, error, at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (zone) DO UPDATE SET priority = excluded.priority, attempts = excluded.attempts,
    error = excluded.error, at = excluded.at`,
  dropDead: 'DELETE FROM dead_jobs WHERE zone = ?',
  listDead: 'SELECT * FROM dead_jobs WHERE zone > ? ORDER BY zone LIMIT ?',
  countDead: 'SELECT count(*) AS number FROM dead_jobs',
  reopen: 'UPDATE job_group_members SET state = 0, ended_at = NULL WHERE zone = ? AND state = 3',
  pause: 'INSERT INTO job_pause (id, since) VALUES (1, ?) ON CONFLICT (id) DO NOTHING',
  resume: 'DELETE FROM job_pause',
  putGroup: 'INSERT INTO job_groups (id, title, started_at) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING',
  putMember: `INSERT INTO job_group_members (group_id, zone, state) VALUES (?, ?, 0)
    ON CONFLICT (group_id, zone) DO NOTHING`,
  dropMembers: 'DELETE FROM job_group_members WHERE group_id IN (SELECT id FROM job_groups WHERE started_at < ?)',
  dropGroups: 'DELETE FROM job_groups WHERE started_at < ?',
  listGroups: `${counts} GROUP BY g.id, g.title, g.started_at ORDER BY g.started_at DESC, g.id LIMIT ?`,
  findGroup: `${counts} WHERE g.id = ? GROUP BY g.id, g.title, g.started_at`,
};

/** Milliseconds that groups are kept: 30 days. */
const keepGroups = 30 * 86_400_000;
/** How often a job may start without an end before it is taken for what ends the workers. */
const mostStarts = 6;

/**
 * What must be known of jobs whatever happens to the queue: who runs what, what is dead, the pause, the groups. All times
 * are milliseconds since the epoch.
 *
 * `also` are statements of the queue itself that belong into the same transaction.
 */
export class JobLedger {
  readonly #database: Database;
  readonly #runs: JoinedWrites;

  constructor(database: Database) {
    this.#database = database;
    this.#runs = new JoinedWrites(database);
  }

  /**
   * Take the lease of a zone, and with it the open places of the zone in groups.
   *
   * @returns `held` when another run has it, `worn-out` when too many workers died of the job
   */
  async start({ zoneId, owner }: Lease, now: number, until: number): Promise<'started' | 'held' | 'worn-out'> {
    const take = { sql: sql.take, values: [zoneId, owner, until, now, mostStarts], changes: 1 };
    try {
      await this.#runs.write(zoneId, [take, { sql: sql.begin, values: [zoneId] }]);
      return 'started';
    } catch (error) {
      if (!isUnexpected(error)) throw error;
    }
    const [over] = await this.#database.rows<{ starts: number }>(sql.starts, zoneId, now);
    return over !== undefined && over.starts >= mostStarts ? 'worn-out' : 'held';
  }

  /** Keep a lease. @returns whether it was still there */
  async renew({ zoneId, owner }: Lease, until: number): Promise<boolean> {
    return (await this.#database.rows(sql.renew, until, zoneId, owner)).length === 1;
  }

  /** Write down that a run ended well. @returns false, with nothing written, when the lease was lost */
  finish({ zoneId, owner }: Lease, now: number, also: readonly Statement[]): Promise<boolean> {
    return this.#ending(zoneId, [
      { sql: sql.end, values: [zoneId, owner], changes: 1 },
      { sql: sql.dropDead, values: [zoneId] },
      { sql: sql.endMembers, values: [2, now, zoneId] },
      ...also,
    ]);
  }

  /** Give a lease back after a failure that is not the last. */
  release({ zoneId, owner }: Lease, also: readonly Statement[]): Promise<boolean> {
    return this.#ending(zoneId, [{ sql: sql.giveBack, values: [zoneId, owner], changes: 1 }, ...also]);
  }

  /** Put a job on the list of the dead. @param owner absent when nobody could start it any more */
  bury(dead: DeadJob, owner: string | undefined, also: readonly Statement[]): Promise<boolean> {
    const { zoneId, priority, attempts, error, at } = dead;
    const lease =
      owner === undefined ? { sql: sql.letGo, values: [zoneId, at] } : { sql: sql.end, values: [zoneId, owner] };
    return this.#ending(zoneId, [
      { ...lease, changes: 1 },
      { sql: sql.putDead, values: [zoneId, rankOf(priority), attempts, error, at] },
      { sql: sql.endMembers, values: [3, at, zoneId] },
      ...also,
    ]);
  }

  async #ending(zoneId: number, statements: readonly Statement[]): Promise<boolean> {
    try {
      await this.#runs.write(zoneId, statements);
      return true;
    } catch (error) {
      if (isUnexpected(error)) return false;
      throw error;
    }
  }

  async putGroup({ id, title }: JobGroup, zoneIds: readonly number[], now: number): Promise<void> {
    await this.#database.write([
      { sql: sql.dropMembers, values: [now - keepGroups] },
      { sql: sql.dropGroups, values: [now - keepGroups] },
      { sql: sql.putGroup, values: [id, title, now] },
      ...zoneIds.map((zoneId) => ({ sql: sql.putMember, values: [id, zoneId] })),
    ]);
  }

  async listGroups(limit: number): Promise<readonly JobGroupProgress[]> {
    return (await this.#database.rows<GroupRow>(sql.listGroups, limit)).map(groupFromRow);
  }

  async findGroup(id: string): Promise<JobGroupProgress | undefined> {
    const [row] = await this.#database.rows<GroupRow>(sql.findGroup, id);
    return row === undefined ? undefined : groupFromRow(row);
  }

  async listDead(limit: number, after = 0): Promise<readonly DeadJob[]> {
    return (await this.#database.rows<DeadRow>(sql.listDead, after, limit)).map(deadFromRow);
  }

  async countDead(): Promise<number> {
    const [row] = await this.#database.rows<{ number: number }>(sql.countDead);
    return row?.number ?? 0;
  }

  /** Take jobs from the list of the dead, and open their places in groups again. */
  async revive(zoneIds: readonly number[]): Promise<void> {
    await this.#database.write(
      zoneIds.flatMap((zoneId) => [
        { sql: sql.dropDead, values: [zoneId] },
        { sql: sql.reopen, values: [zoneId] },
      ]),
    );
  }

  pause = (now: number): Promise<void> => this.#database.write([{ sql: sql.pause, values: [now] }]);

  resume = (): Promise<void> => this.#database.write([{ sql: sql.resume, values: [] }]);

  async pausedAt(): Promise<number | undefined> {
    const [row] = await this.#database.rows<{ since: number }>(askForPause.sql);
    return row?.since;
  }
}

function isUnexpected(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === 'changes-unexpected';
}
