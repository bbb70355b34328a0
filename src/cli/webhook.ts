import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { kmsCommand } from '#cli/kms-command.ts';
import { formatTable } from '#cli/list-output.ts';

interface ShownWebhook {
  readonly identity: string;
  readonly url: string;
  readonly delivered: number;
  readonly failures: number;
  readonly lastError?: string;
}

/** Add `webhook create`, `webhook list` and `webhook delete`. */
export function addWebhook(program: Command, context: CliContext): void {
  const group = program.command('webhook').description('tell a URL of what happens to keys');

  const create = group.command('create').description('add a webhook; its secret is printed this once');
  create.argument('<URL>', 'http or https');
  const example = 'webhook create https://example.com/key-events';
  kmsCommand(create, context, example, async ({ connect, print }, url) => {
    const client = await connect();
    const made = await client.call('POST', '/v1/admin/webhooks', { url });
    print(made as ShownWebhook & { readonly secret: string }, ({ identity, secret }) => `${identity}\n${secret}\n`);
  });

  const list = group.command('list').description('list webhooks, and how far each has come');
  kmsCommand(list, context, 'webhook list', async ({ connect, print }) => {
    const client = await connect();
    print((await client.call('GET', '/v1/admin/webhooks')) as ShownWebhook[], describe);
  });

  const remove = group.command('delete').description('delete a webhook').argument('<IDENTITY>', 'whk-…');
  kmsCommand(remove, context, 'webhook delete whk-…', async ({ connect, print }, identity = '') => {
    const client = await connect();
    await client.call('DELETE', `/v1/admin/webhooks/${encodeURIComponent(identity)}`);
    print({ identity, deleted: true }, () => `deleted ${identity}\n`);
  });
}

function describe(webhooks: readonly ShownWebhook[]): string {
  return formatTable([
    ['IDENTITY', 'URL', 'DELIVERED', 'FAILURES', 'LAST ERROR'],
    ...webhooks.map(({ identity, url, delivered, failures, lastError = '' }) => [
      identity,
      url,
      String(delivered),
      String(failures),
      lastError,
    ]),
  ]);
}
