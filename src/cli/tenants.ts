import type { Command } from 'commander';
import type { CliContext } from '#cli/context.ts';
import { checkedUse } from '#cli/choices.ts';
import { collect, formatTable, kmsCommand } from '#cli/kms-command.ts';
import { UsageError } from '#cli/usage-error.ts';
import { policies, signerPolicies } from '#kms/core/access.ts';
import { parseDuration } from '#lib/duration.ts';

interface ShownToken {
  readonly identity: string;
  readonly kind: string;
  readonly name: string;
  readonly policies: readonly string[];
  readonly organisation?: string;
  readonly project?: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  readonly secret?: string;
}

interface TokenOptions {
  readonly policy?: readonly string[];
  readonly signer?: boolean;
  readonly for?: string;
  readonly forProject?: string;
  readonly expires?: string;
  readonly client?: boolean;
}

const tokenHelp = `
Policies: ${policies.filter((policy) => policy.endsWith('Access')).join(', ')}, and one for each action, such as kms:Sign.
The secret is printed this once.

Examples:
  zoneseal token create "DNSSEC service" --signer --for o-default
  zoneseal token create ci --client --policy kms:Encrypt --policy kms:Decrypt --for o-default --expires 90d`;

/** Add `token`, `org`, `region` and `webhook`: who may call, where, and who is told. */
export function addTenants(program: Command, context: CliContext): void {
  addTokens(program, context);
  addSwitch(program, context, { name: 'org', path: 'organisations', what: 'organisation', flag: 'kmsEnabled' });
  addSwitch(program, context, { name: 'region', path: 'regions', what: 'region', flag: 'kmsAvailable' });
  addWebhooks(program, context);
}

function addTokens(program: Command, context: CliContext): void {
  const group = program.command('token').description('make, list and revoke tokens and OAuth2 clients');
  const create = group.command('create').description('make a token').argument('<NAME>', 'what it is for');
  create.option('--policy <POLICY>', 'what the bearer may do; may be given several times', collect);
  create.option('--signer', 'what a DNSSEC service needs: find keys, read them, sign');
  create.option('--for <ORGANISATION>', 'the one organisation that it is for');
  create.option('--for-project <PROJECT>', 'the one project that it is for');
  create.option('--expires <DURATION>', 'how long it counts, such as 90d');
  create.option('--client', 'make a client for OAuth2 client credentials');
  create.addHelpText('after', tokenHelp);
  kmsCommand<TokenOptions>(create, context, async ({ session: { client }, options, print }, name) => {
    const granted = [...(options.policy ?? []), ...(options.signer === true ? signerPolicies : [])];
    if (granted.length === 0) throw new UsageError('say what the bearer may do: --policy or --signer');
    const { expires } = options;
    const made = await client.call('POST', '/v1/admin/tokens', {
      name,
      policies: [...new Set(granted)],
      ...(options.client === true ? { kind: 'client' } : {}),
      ...(options.for === undefined ? {} : { organisation: options.for }),
      ...(options.forProject === undefined ? {} : { project: options.forProject }),
      ...(expires === undefined ? {} : { lifetime: checkedUse(() => parseDuration(expires)) }),
    });
    print(made as ShownToken, ({ identity, secret = '' }) => `${identity}\n${secret}\n`);
  });

  kmsCommand(
    group.command('list').description('list tokens and clients'),
    context,
    async ({ session: { client }, print }) => {
      const tokens = (await client.call('GET', '/v1/admin/tokens')) as ShownToken[];
      print(tokens, (shown) =>
        formatTable([
          ['IDENTITY', 'KIND', 'NAME', 'ORGANISATION', 'PROJECT', 'STATE', 'POLICIES'],
          ...shown.map((token) => [
            token.identity,
            token.kind,
            token.name,
            token.organisation ?? 'any',
            token.project ?? '',
            token.revokedAt === undefined ? (token.expiresAt ?? 'valid') : 'revoked',
            token.policies.join(','),
          ]),
        ]),
      );
    },
  );

  const revoke = group
    .command('revoke')
    .description('let a token or client count no more')
    .argument('<IDENTITY>', 'tok-… or cli-…');
  kmsCommand(revoke, context, async ({ session: { client } }, identity = '') => {
    await client.call('DELETE', `/v1/admin/tokens/${encodeURIComponent(identity)}`);
  });
}

interface Switchable {
  readonly name: string;
  readonly path: string;
  readonly what: string;
  readonly flag: 'kmsEnabled' | 'kmsAvailable';
}

/** Organisations and regions: each has a name, and has KMS or not. */
function addSwitch(program: Command, context: CliContext, { name, path, what, flag }: Switchable): void {
  const group = program.command(name).description(`list ${what}s, add one, or change whether it has KMS`);
  type Shown = { readonly identity: string; readonly name: string } & { readonly [Flag in typeof flag]?: boolean };
  const describe = (shown: readonly Shown[]) =>
    formatTable([
      ['IDENTITY', 'NAME', 'KMS'],
      ...shown.map((one) => [one.identity, one.name, one[flag] === true ? 'on' : 'off']),
    ]);
  kmsCommand(group.command('list').description(`list ${what}s`), context, async ({ session: { client }, print }) => {
    print((await client.call('GET', `/v1/admin/${path}`)) as Shown[], describe);
  });
  const put = group
    .command('put')
    .description(`add or change ${what === 'organisation' ? 'an' : 'a'} ${what}`)
    .argument('<IDENTITY>', 'letters, digits, dots, dashes');
  put.option('--name <NAME>', 'name for people');
  put.option('--on', 'it has KMS');
  put.option('--off', 'it has no KMS');
  kmsCommand<{ name?: string; on?: boolean; off?: boolean }>(
    put,
    context,
    async ({ session: { client }, options, print }, identity = '') => {
      if (options.on === true && options.off === true) throw new UsageError('say --on or --off, not both');
      const body = {
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.on === true ? { [flag]: true } : {}),
        ...(options.off === true ? { [flag]: false } : {}),
      };
      const shown = await client.call('PUT', `/v1/admin/${path}/${encodeURIComponent(identity)}`, body);
      print(shown as Shown, (one) => describe([one]));
    },
  );
}

interface ShownWebhook {
  readonly identity: string;
  readonly url: string;
  readonly delivered: number;
  readonly failures: number;
  readonly lastError?: string;
  readonly secret?: string;
}

function addWebhooks(program: Command, context: CliContext): void {
  const group = program.command('webhook').description('tell a URL of what happens to keys');
  const create = group
    .command('create')
    .description('add a webhook; its secret is printed this once')
    .argument('<URL>', 'http or https');
  kmsCommand(create, context, async ({ session: { client }, print }, url) => {
    const made = await client.call('POST', '/v1/admin/webhooks', { url });
    print(made as ShownWebhook, ({ identity, secret = '' }) => `${identity}\n${secret}\n`);
  });
  kmsCommand(group.command('list').description('list webhooks'), context, async ({ session: { client }, print }) => {
    print((await client.call('GET', '/v1/admin/webhooks')) as ShownWebhook[], (shown) =>
      formatTable([
        ['IDENTITY', 'URL', 'DELIVERED', 'FAILURES', 'LAST ERROR'],
        ...shown.map(({ identity, url, delivered, failures, lastError = '' }) => [
          identity,
          url,
          String(delivered),
          String(failures),
          lastError,
        ]),
      ]),
    );
  });
  const remove = group.command('delete').description('delete a webhook').argument('<IDENTITY>', 'whk-…');
  kmsCommand(remove, context, async ({ session: { client } }, identity = '') => {
    await client.call('DELETE', `/v1/admin/webhooks/${encodeURIComponent(identity)}`);
  });
}
