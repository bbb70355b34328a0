import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { formatTable } from '#cli/list-output.ts';
import { openProgress } from '#cli/progress.ts';
import { serviceCommand } from '#cli/service-command.ts';
import { UsageError } from '#cli/usage-error.ts';
import type { FailedJob, GroupProgress, QueueStatus } from '#dnssec/api-jobs.ts';

const base = '/jobs';
/** Milliseconds between two looks at a group that is followed. */
const interval = 500;

/** Add `queue`: see what is re-signed, stop it and let it go on, and try again what failed. */
export function addQueue(program: Command, context: CliContext): void {
  const group = program.command('queue').description('see, pause and resume the queue of re-signing');
  addStatus(group, context);
  for (const verb of ['pause', 'resume'] as const) addSwitch(group, context, verb);
  addFailed(group, context);
  addRetry(group, context);
  addFollow(group, context);
}

function addStatus(group: Command, context: CliContext): void {
  const command = group.command('status').description('how many zones wait, are re-signed, or failed; and its groups');
  serviceCommand(command, context, 'queue status', async ({ call, print }) => {
    const status = await call<QueueStatus>('GET', base);
    const groups = await call<readonly GroupProgress[]>('GET', `${base}/groups`);
    print({ ...status, groups }, () => formatStatus(status) + formatGroups(groups));
  });
}

function addSwitch(group: Command, context: CliContext, verb: 'pause' | 'resume'): void {
  const description = verb === 'pause' ? 'start no re-signing from now on' : 'start re-signing again';
  serviceCommand(group.command(verb).description(description), context, `queue ${verb}`, async ({ call, print }) =>
    print(await call<QueueStatus>('POST', `${base}/${verb}`), formatStatus),
  );
}

function addFailed(group: Command, context: CliContext): void {
  const command = group.command('failed').description('list zones whose re-signing failed again and again');
  serviceCommand(command, context, 'queue failed', async ({ call, print }) => {
    const all: FailedJob[] = [];
    for (;;) {
      const after = all.at(-1)?.number;
      const query = `limit=1000${after === undefined ? '' : `&after=${after}`}`;
      const page = await call<FailedJob[]>('GET', `${base}/failed?${query}`);
      all.push(...page);
      if (page.length < 1000) break;
    }
    print(all, (jobs) =>
      formatTable([
        ['NUMBER', 'ZONE', 'PRIORITY', 'ATTEMPTS', 'SINCE', 'ERROR'],
        ...jobs.map((job) => [
          String(job.number),
          job.zoneName ?? '(deleted)',
          job.priority,
          String(job.attempts),
          job.at,
          job.error,
        ]),
      ]),
    );
  });
}

function addRetry(group: Command, context: CliContext): void {
  const command = group.command('retry').description('try failed zones again now');
  command.argument('[NUMBER...]', 'numbers that "queue failed" shows');
  command.option('--all', 'all of them');
  serviceCommand<{ all?: boolean }>(command, context, 'queue retry --all', async (action, ...numbers) => {
    const { options, call, print } = action;
    if ((options.all === true) === numbers.length > 0)
      throw new UsageError('give the numbers of failed zones, or --all');
    const unsound = numbers.find((number) => !/^\d{1,15}$/.test(number));
    if (unsound !== undefined) throw new UsageError(`"${unsound}" is not a number that "queue failed" shows`);
    const body = options.all === true ? {} : { jobs: numbers.map(Number) };
    const answer = await call<{ retried: number }>('POST', `${base}/failed/retry`, body);
    print(answer, ({ retried }) => `${retried} put again\n`);
  });
}

function addFollow(group: Command, context: CliContext): void {
  const command = group.command('follow').description('watch a group of zones until all of them are done or failed');
  command.argument('[GROUP]', 'its identity; without one the newest');
  serviceCommand(command, context, 'queue follow', async ({ call, print }, wanted) => {
    const [newest] = await call<GroupProgress[]>('GET', `${base}/groups?limit=1`);
    const identity = wanted ?? newest?.identity;
    if (identity === undefined) throw new UsageError('there is no group to follow');
    const path = `${base}/groups/${encodeURIComponent(identity)}`;
    let state = await call<GroupProgress>('GET', path);
    {
      using progress = await openProgress(context);
      while (state.open > 0) {
        progress.show(state.title, 'zones', state.done + state.failed, state.total);
        await sleep(interval);
        state = await call<GroupProgress>('GET', path);
      }
    }
    print(state, (one) => formatGroups([one]));
  });
}

function formatStatus({ waiting, delayed, active, failed, pausedAt }: QueueStatus): string {
  const counts = `${waiting} waiting, ${active} under way, ${delayed} to be tried again, ${failed} failed\n`;
  return pausedAt === undefined ? counts : `${counts}paused since ${pausedAt}\n`;
}

function formatGroups(groups: readonly GroupProgress[]): string {
  if (groups.length === 0) return '';
  return formatTable([
    ['GROUP', 'ZONES', 'DONE', 'FAILED', 'STARTED', 'ENDED', 'CAUSE'],
    ...groups.map((one) => [
      one.identity,
      String(one.total),
      String(one.done),
      String(one.failed),
      one.startedAt,
      one.endedAt ?? '',
      one.title,
    ]),
  ]);
}
