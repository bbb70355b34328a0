import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { kmsCommand, numberOf } from '#cli/kms-command.ts';
import { formatTable } from '#cli/list-output.ts';
import { writeOut } from '#cli/write-out.ts';
import type { KmsClient } from '#kms/client.ts';

interface ShownEvent {
  readonly number: number;
  readonly at: string;
  readonly kind: string;
  readonly key: string;
  readonly version?: number;
}

interface EventOptions {
  readonly after: string;
  readonly follow?: boolean;
}

/** Seconds that a call for events waits: less than a try of the client takes at most. */
const wait = 25;

/** Add `key events`. Followed events are never the last, so as JSON each is a line of its own. */
export function addEvents(group: Command, context: CliContext): void {
  const command = group.command('events').description('print what happened to keys, oldest first');
  command.option('--after <NUMBER>', 'number of the last event that is known', '0');
  command.option('--follow', 'go on waiting for new ones; with --json each is a line');
  const example = 'key events --after 120 --follow';
  kmsCommand<EventOptions>(command, context, example, async ({ connect, options, print }) => {
    const after = numberOf('--after', options.after, 0, Number.MAX_SAFE_INTEGER);
    const client = await connect();
    if (options.follow !== true) {
      const events: ShownEvent[] = [];
      for await (const page of pagesAfter(client, after, 0)) {
        if (page.length === 0) break;
        events.push(...page);
      }
      print(events, describeEvents);
      return;
    }
    for await (const page of pagesAfter(client, after, wait)) {
      const lines = options.json === true ? page.map((event) => `${JSON.stringify(event)}\n`).join('') : undefined;
      if (page.length > 0) await writeOut(context.stdout, lines ?? describeEvents(page));
    }
  });
}

/** Page through events without end: a page is empty where no event came within `seconds`. */
async function* pagesAfter(client: KmsClient, after: number, seconds: number): AsyncGenerator<readonly ShownEvent[]> {
  for (let last = after; ;) {
    const page = (await client.call(
      'GET',
      `${client.regionPath()}/events?after=${last}&wait=${seconds}`,
    )) as ShownEvent[];
    yield page;
    last = page.at(-1)?.number ?? last;
  }
}

function describeEvents(events: readonly ShownEvent[]): string {
  return formatTable(
    events.map(({ number, at, kind, key, version }) => [
      String(number),
      at,
      kind,
      key,
      version === undefined ? '' : `v${version}`,
    ]),
  );
}
