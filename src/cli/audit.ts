import type { Command } from 'commander';
import { type AuditPart, checkLog, parseHead } from '#cli/audit-check.ts';
import { choice } from '#cli/choices.ts';
import type { CliContext } from '#cli/context.ts';
import { exitCodes } from '#cli/exit-codes.ts';
import { kmsCommand, numberOf } from '#cli/kms-command.ts';
import { formatTable } from '#cli/list-output.ts';
import { openProgress } from '#cli/progress.ts';
import { auditedOperations } from '#kms/core/audit-event.ts';

interface ShownEvent {
  readonly number: number;
  readonly at: string;
  readonly operation: string;
  readonly outcome: string;
  readonly code?: string;
  readonly principal: string;
  readonly key?: string;
  readonly target?: string;
  readonly count?: number;
}

interface ListOptions {
  readonly after: string;
  readonly limit: string;
  readonly operation?: string;
  readonly outcome?: string;
  readonly key?: string;
  readonly principal?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Add `audit list` and `audit verify`. */
export function addAudit(program: Command, context: CliContext, setExitCode: (code: number) => void): void {
  const group = program.command('audit').description('read the audit log, or check that it is whole');
  addList(group, context);
  addVerify(group, context, setExitCode);
}

/** Events of one page of the KMS. */
const longestPage = 1000;

function addList(group: Command, context: CliContext): void {
  const command = group.command('list').description('print events, oldest first');
  command.option('--after <NUMBER>', 'only events after this one', '0');
  command.option('--limit <N>', `at most so many, up to ${longestPage}`, '100');
  command.addOption(choice('operation <NAME>', 'only this operation', auditedOperations));
  command.addOption(choice('outcome <OUTCOME>', 'only this outcome', ['allowed', 'denied', 'failed']));
  command.option('--key <IDENTITY>', 'only this key');
  command.option('--principal <IDENTITY>', 'only this principal');
  command.option('--from <TIME>', 'not before, RFC 3339');
  command.option('--to <TIME>', 'not after, RFC 3339');
  const example = 'audit list --operation kms.sign --outcome denied --from 2026-01-01T00:00:00Z';
  kmsCommand<ListOptions>(command, context, example, async ({ connect, options, print }) => {
    const limit = numberOf('--limit', options.limit, 1, longestPage);
    const after = numberOf('--after', options.after, 0, Number.MAX_SAFE_INTEGER);
    const query = new URLSearchParams({ after: String(after), limit: String(limit) });
    for (const name of ['operation', 'outcome', 'key', 'principal', 'from', 'to'] as const) {
      const value = options[name];
      if (value !== undefined) query.set(name, value);
    }
    const client = await connect();
    const events = (await client.call('GET', `/v1/audit?${query.toString()}`)) as ShownEvent[];
    print(events, describeEvents);
    const last = events.at(-1);
    if (events.length === limit && last !== undefined)
      context.stderr.write(`there may be more: --after ${last.number}\n`);
  });
}

function describeEvents(events: readonly ShownEvent[]): string {
  return formatTable(
    events.map(({ number, at, operation, outcome, code, principal, key, target, count }) => [
      String(number),
      at,
      outcome,
      operation,
      principal,
      key ?? target ?? '',
      [code, count === undefined ? undefined : `× ${count}`].filter((part) => part !== undefined).join(' '),
    ]),
  );
}

const verifyHelp = `
Exits with 1 and names the first event that is not right. The head that is printed, kept elsewhere, proves later that the
log was not cut off or put back to an earlier moment: --expect.`;

function addVerify(group: Command, context: CliContext, setExitCode: (code: number) => void): void {
  const command = group.command('verify').description('check that no event was removed, changed or reordered');
  command.option('--expect <NUMBER:HASH>', 'an event that must stand in the log with this hash');
  command.addHelpText('after', verifyHelp);
  const example = 'audit verify --expect 1042:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
  kmsCommand<{ readonly expect?: string }>(command, context, example, async ({ connect, options, print }) => {
    const expected = options.expect === undefined ? undefined : parseHead(options.expect);
    const client = await connect();
    using progress = await openProgress(context);
    const verdict = await checkLog(
      async (limit, from) => {
        const body = { limit, ...(from === undefined ? {} : { from }) };
        return (await client.call('POST', '/v1/audit/verify', body)) as AuditPart;
      },
      expected,
      (events) => progress.show('checking', 'events', events),
    );
    const { head, fault } = verdict;
    setExitCode(fault === undefined ? exitCodes.good : exitCodes.bad);
    print({ whole: fault === undefined, ...verdict }, () =>
      fault === undefined
        ? `whole: ${head.number} events\n${head.number}:${head.hash}\n`
        : `NOT whole: ${fault}\nright up to ${head.number}:${head.hash}\n`,
    );
  });
}
