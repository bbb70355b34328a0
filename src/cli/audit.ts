import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { exitCodes } from '#cli/exit-codes.ts';
import { formatTable, kmsCommand } from '#cli/kms-command.ts';
import { openProgress } from '#cli/progress.ts';
import { UsageError } from '#cli/usage-error.ts';

interface ShownEvent {
  readonly number: number;
  readonly at: string;
  readonly operation: string;
  readonly outcome: string;
  readonly code?: string;
  readonly principal: string;
  readonly key?: string;
  readonly count?: number;
}

interface Head {
  readonly number: number;
  readonly hash: string;
}

const verifyHelp = `
Exits with 1 and names the first event that is not right. The head that is printed, kept elsewhere, proves later that the
log was not cut off or put back: --expect.

Examples:
  zoneseal audit verify
  zoneseal audit verify --expect 1042:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`;

/** Add `audit list` and `audit verify`. */
export function addAudit(program: Command, context: CliContext, setExitCode: (code: number) => void): void {
  const group = program.command('audit').description('read the audit log, or check that it is whole');

  const list = group.command('list').description('print events, oldest first');
  list.option('--after <NUMBER>', 'only events after this one', '0');
  list.option('--limit <N>', 'at most so many', '100');
  for (const [flag, what] of [
    ['operation', 'operation, such as kms.sign'],
    ['outcome', 'allowed, denied or failed'],
    ['key', 'identity of a key'],
    ['principal', 'identity of a principal'],
    ['from', 'time, RFC 3339'],
    ['to', 'time, RFC 3339'],
  ] as const)
    list.option(`--${flag} <VALUE>`, `only this ${what}`);
  kmsCommand<Record<string, string | undefined>>(list, context, async ({ session: { client }, options, print }) => {
    const query = new URLSearchParams();
    for (const name of ['after', 'limit', 'operation', 'outcome', 'key', 'principal', 'from', 'to']) {
      const value = options[name];
      if (value !== undefined) query.set(name, value);
    }
    print((await client.call('GET', `/v1/audit?${query.toString()}`)) as ShownEvent[], (shown) =>
      formatTable(
        shown.map(({ number, at, operation, outcome, code, principal, key = '', count }) => [
          String(number),
          at,
          outcome,
          operation,
          principal,
          key,
          [code, count === undefined ? undefined : `× ${count}`].filter(Boolean).join(' '),
        ]),
      ),
    );
  });

  const verify = group.command('verify').description('check that no event was removed, changed or reordered');
  verify.option('--expect <NUMBER:HASH>', 'an event that must stand in the log with this hash');
  verify.addHelpText('after', verifyHelp);
  kmsCommand<{ expect?: string }>(verify, context, async ({ session: { client }, options }) => {
    const expected = options.expect === undefined ? undefined : parseHead(options.expect);
    using progress = openProgress(context);
    const state: { from: Head | undefined; seen: boolean } = { from: undefined, seen: expected === undefined };
    for (;;) {
      // A part that ends at the expected event, so that its hash is seen.
      const reach = expected === undefined || state.seen ? 10_000 : expected.number - (state.from?.number ?? 0);
      const limit = Math.max(1, Math.min(10_000, reach));
      const body = { limit, ...(state.from === undefined ? {} : { from: state.from }) };
      const answer = await client.call('POST', '/v1/audit/verify', body);
      const { head, isEnd, fault } = answer as { head: Head; isEnd: boolean; fault?: string };
      progress.show('checking', 'events', head.number);
      const isOther = head.number === expected?.number && head.hash !== expected.hash;
      if (head.number === expected?.number && !isOther) state.seen = true;
      if (fault !== undefined || isOther) {
        context.stdout.write(`NOT whole: ${fault ?? `event ${head.number} has the hash ${head.hash}`}\n`);
        setExitCode(exitCodes.bad);
        return;
      }
      if (isEnd) {
        if (!state.seen) setExitCode(exitCodes.bad);
        const verdict = state.seen ? 'whole' : `NOT whole: it ends before event ${expected?.number}`;
        context.stdout.write(`${verdict}: ${head.number} events\n${head.number}:${head.hash}\n`);
        return;
      }
      state.from = head;
    }
  });
}

function parseHead(text: string): Head {
  const [, number, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (number === undefined || hash === undefined || number === '0')
    throw new UsageError('--expect must be the number of an event and its hash, as "audit verify" prints them');
  return { number: Number(number), hash };
}
