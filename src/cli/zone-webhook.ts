import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { collect } from '#cli/kms-command.ts';
import { formatTable } from '#cli/list-output.ts';
import { serviceCommand } from '#cli/service-command.ts';
import type { ZoneWebhookItem } from '#dnssec/api-webhooks.ts';

/** Add `zone-webhook`: who is told of what happens to the keys of zones. */
export function addZoneWebhook(program: Command, context: CliContext): void {
  const group = program.command('zone-webhook').description('tell a URL of what happens to the keys of zones');

  const create = group.command('create').description('add a webhook; its secret is printed this once');
  create.argument('<URL>', 'http or https');
  create.option('--kind <KIND>', 'only events of this kind, such as ds-needed; may be given several times', collect);
  const example = 'zone-webhook create https://example.com/zones --kind ds-needed --kind rollover-stuck';
  serviceCommand<{ kind?: readonly string[] }>(create, context, example, async ({ call, options, print }, url) => {
    const { kind: kinds } = options;
    const wanted = { url, ...(kinds === undefined ? {} : { kinds }) };
    const made = await call<ZoneWebhookItem & { readonly secret: string }>('POST', '/webhooks', wanted);
    print(made, ({ identity, secret }) => `${identity}\n${secret}\n`);
  });

  const list = group.command('list').description('list webhooks, and how far each has come');
  serviceCommand(list, context, 'zone-webhook list', async ({ call, print }) => {
    print(await call<readonly ZoneWebhookItem[]>('GET', '/webhooks'), describe);
  });

  const remove = group.command('delete').description('delete a webhook').argument('<IDENTITY>', 'as "list" shows it');
  serviceCommand(remove, context, 'zone-webhook delete IDENTITY', async ({ call, print }, identity = '') => {
    await call('DELETE', `/webhooks/${encodeURIComponent(identity)}`);
    print({ identity, deleted: true }, () => `deleted ${identity}\n`);
  });
}

function describe(webhooks: readonly ZoneWebhookItem[]): string {
  return formatTable([
    ['IDENTITY', 'URL', 'KINDS', 'DELIVERED', 'FAILURES', 'NEXT TRY', 'LAST ERROR'],
    ...webhooks.map(({ identity, url, kinds, delivered, failures, nextAttemptAt = '', lastError = '' }) => [
      identity,
      url,
      kinds?.join(',') ?? 'all',
      String(delivered),
      String(failures),
      nextAttemptAt,
      lastError,
    ]),
  ]);
}
