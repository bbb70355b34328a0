import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type ApiCaller, apiCaller, json } from '#cli/api-caller.ts';
import type { CliContext } from '#cli/context.ts';
import { formatJson } from '#cli/kms-command.ts';
import { remoteToken } from '#cli/kms-session.ts';
import { formatTable } from '#cli/list-output.ts';
import { openProgress } from '#cli/progress.ts';
import { addSettings, configOf, quietly } from '#cli/settings-options.ts';
import { UsageError } from '#cli/usage-error.ts';
import type { FailedJob, GroupProgress, QueueStatus } from '#dnssec/api-jobs.ts';

interface QueueOptions {
  readonly service: string;
  readonly json?: boolean;
}

/** What the action of a command of the queue works with. */
interface QueueAction<Options> {
  readonly options: Options & QueueOptions;
  readonly caller: ApiCaller;
  readonly print: <Result>(result: Result, text: (result: Result) => string) => void;
}

const base = '/v1/dns/jobs';
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

function queueCommand<Options extends object>(
  command: Command,
  context: CliContext,
  example: string,
  work: (action: QueueAction<Options>, ...args: string[]) => Promise<void>,
): void {
  addSettings(command, ['organisation', 'dataDirectory']);
  command.option('--service <URL>', 'running service; it is shown $ZONESEAL_TOKEN', 'http://127.0.0.1:8080');
  command.option('--json', 'print JSON');
  command.addHelpText('after', `\nExample:\n  zoneseal ${example}`);
  command.action(async (...given: unknown[]) => {
    const options = command.opts<Options & QueueOptions>();
    const args = given.flat().filter((argument): argument is string => typeof argument === 'string');
    const config = configOf(command, quietly(context.environment));
    const baseUrl = options.service.replace(/\/+$/, '');
    const token = await remoteToken(config, baseUrl);
    const caller = apiCaller({ baseUrl, token, organisation: config.organisation });
    const print: QueueAction<Options>['print'] = (result, text) => {
      context.stdout.write(options.json === true ? formatJson(result) : text(result));
    };
    await work({ options, caller, print }, ...args);
  });
}

async function get<Answer>(caller: ApiCaller, path: string): Promise<Answer> {
  return JSON.parse(await caller.call('GET', `${base}${path}`)) as Answer;
}

function addStatus(group: Command, context: CliContext): void {
  const command = group.command('status').description('how many zones wait, are re-signed, or failed; and its groups');
  queueCommand(command, context, 'queue status', async ({ caller, print }) => {
    const status = await get<QueueStatus>(caller, '');
    const groups = await get<readonly GroupProgress[]>(caller, '/groups');
    print({ ...status, groups }, () => formatStatus(status) + formatGroups(groups));
  });
}

function addSwitch(group: Command, context: CliContext, verb: 'pause' | 'resume'): void {
  const description = verb === 'pause' ? 'start no re-signing from now on' : 'start re-signing again';
  queueCommand(group.command(verb).description(description), context, `queue ${verb}`, async ({ caller, print }) =>
    print(JSON.parse(await caller.call('POST', `${base}/${verb}`)) as QueueStatus, formatStatus),
  );
}

function addFailed(group: Command, context: CliContext): void {
  const command = group.command('failed').description('list zones whose re-signing failed again and again');
  queueCommand(command, context, 'queue failed', async ({ caller, print }) => {
    const all: FailedJob[] = [];
    for (;;) {
      const after = all.at(-1)?.number;
      const page = await get<FailedJob[]>(caller, `/failed?limit=1000${after === undefined ? '' : `&after=${after}`}`);
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
  queueCommand<{ all?: boolean }>(command, context, 'queue retry --all', async (action, ...numbers) => {
    const { options, caller, print } = action;
    if ((options.all === true) === numbers.length > 0)
      throw new UsageError('give the numbers of failed zones, or --all');
    const unsound = numbers.find((number) => !/^\d{1,15}$/.test(number));
    if (unsound !== undefined) throw new UsageError(`"${unsound}" is not a number that "queue failed" shows`);
    const body = json(options.all === true ? {} : { jobs: numbers.map(Number) });
    const answer = JSON.parse(await caller.call('POST', `${base}/failed/retry`, body)) as { retried: number };
    print(answer, ({ retried }) => `${retried} put again\n`);
  });
}

function addFollow(group: Command, context: CliContext): void {
  const command = group.command('follow').description('watch a group of zones until all of them are done or failed');
  command.argument('[GROUP]', 'its identity; without one the newest');
  queueCommand(command, context, 'queue follow', async ({ caller, print }, wanted) => {
    const [newest] = await get<GroupProgress[]>(caller, '/groups?limit=1');
    const identity = wanted ?? newest?.identity;
    if (identity === undefined) throw new UsageError('there is no group to follow');
    const path = `/groups/${encodeURIComponent(identity)}`;
    let state = await get<GroupProgress>(caller, path);
    {
      using progress = await openProgress(context);
      while (state.open > 0) {
        progress.show(state.title, 'zones', state.done + state.failed, state.total);
        await sleep(interval);
        state = await get<GroupProgress>(caller, path);
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
